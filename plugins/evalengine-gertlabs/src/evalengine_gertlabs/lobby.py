"""Ends sessions that nobody joined: each waits for its players for a day."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from evalengine import EvalengineError
from evalengine_gertlabs import sessions

if TYPE_CHECKING:
    from evalengine_gertlabs.api import Api

WAITS_S = 24 * 3600.0
_LOOK_S = 600.0


class Lobby:
    """The sessions that wait."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Look after them from now on."""
        self._task = asyncio.create_task(self._look())

    async def end(self) -> None:
        """Look after them no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _look(self) -> None:
        while True:
            with contextlib.suppress(EvalengineError):  # a full disk: the next time
                await self.close_old(time.time() - WAITS_S)
            await asyncio.sleep(_LOOK_S)

    async def close_old(self, before: float) -> None:
        """End those that have waited since before."""
        sql = "select id from live where state = 'waiting' and substr(owner, 1, ?) = ? and created < ?"
        mine = sessions.holder("")
        for (session_id,) in await self._api.read(sql, len(mine), mine, before):
            await self._api.live.close(session_id, "nobody joined")
