"""A live match over a WebSocket: the panel whenever something happens, and what a person does.

To the browser: {"html", "picture", "over"}, or {"refused": why}. From it: {"turn", "choice"} or {"turn", "text"}.
Who reads too slowly misses positions, never the last; who does not read at all is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

from evalengine.errors import EvalengineError
from evalengine.live.values import ENDED
from evalengine.web.pages.addresses import link
from evalengine.web.pages.seats import playing
from evalengine.web.rates import Rates

if TYPE_CHECKING:
    from evalengine.live.values import Listed, Taken
    from evalengine.web.pages.site import Site
    from evalengine.web.pages.tables import Tables

_SLOW_S = 15.0  # for one message to be taken
_PER_S = 10.0  # messages from a browser, four times as many at once
_LONGEST = 64 << 10
_RUDE, _TOO_LONG, _GOING = 1008, 1009, 1001


class Talk:
    """One browser that follows a match."""

    def __init__(self, site: Site, tables: Tables, socket: Any, listed: Listed, taken: Taken | None) -> None:
        self._site = site
        self._tables = tables
        self._socket = socket
        self._listed = listed
        self._taken = taken
        self._rates = Rates(_PER_S)

    async def run(self) -> None:
        """Tell and hear until the match has ended, or one side goes."""
        feed = await self._site.server.live.subscribe(self._listed.id, self._taken and self._taken.token)
        await self._socket.accept()
        closing = asyncio.ensure_future(self._site.server.closing.wait())
        tasks = [asyncio.ensure_future(self._tell(feed)), asyncio.ensure_future(self._hear()), closing]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            code = next((task.result() for task in done if task is not closing), _GOING)
            await self._close(code)
        finally:
            feed.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell(self, feed: Any) -> int | None:
        """Send a panel for each position; return the code to close with."""
        async for position in feed:
            taken = playing(self._taken, position)
            html = await self._tables.panel(self._listed, taken, position)
            seat = None if taken is None else taken.seat
            picture = (
                link("table", self._listed.id) + f"/picture/{position.turn}.svg?seat={'' if seat is None else seat}"
            )
            told = {"html": html, "picture": picture, "over": position.state in ENDED}
            if not await self._send(told):
                return None
        return 1000

    async def _hear(self) -> int | None:
        """Do what the browser says; return the code to close with, None: it is gone."""
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return None
            text = message.get("text") or ""
            if self._rates.wait_s("browser"):
                return _RUDE
            if len(text) > _LONGEST:
                return _TOO_LONG
            told = _object(text)
            if told is None or self._taken is None:
                return _RUDE
            await self._act(told)

    async def _act(self, told: dict[str, Any]) -> None:
        assert self._taken is not None
        try:
            acted = await self._tables.act(self._listed.id, self._taken, told)
        except EvalengineError as error:
            await self._send({"refused": str(error)})
            return
        if not acted.accepted:
            await self._send({"refused": f"not possible: {acted.reason}"})

    async def _send(self, told: dict[str, Any]) -> bool:
        """Send a message; False when it was not taken in time."""
        try:
            await asyncio.wait_for(self._socket.send_text(json.dumps(told)), _SLOW_S)
        except (TimeoutError, OSError, RuntimeError):  # too slow, or gone
            return False
        return True

    async def _close(self, code: int | None) -> None:
        with contextlib.suppress(OSError, RuntimeError):
            if code is not None:
                await self._socket.close(code)


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
