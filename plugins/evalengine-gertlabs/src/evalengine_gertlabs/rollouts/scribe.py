"""What steps store: all that came meanwhile is one transaction, and told of afterwards."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from evalengine_gertlabs.api import Api

Statement = tuple[str, tuple[Any, ...]]
_MOST = 2_000  # statements in a transaction


class Scribe:
    """Stores in the order of asking."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._waiting: list[tuple[Sequence[Statement], asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def store(self, statements: Sequence[Statement]) -> None:
        """Return once they are stored, all or none.

        Raises:
            StorageError: none is.
        """
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((statements, told))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        await told

    async def _work(self) -> None:
        while self._waiting:
            taken = self._next()
            error: Exception | None = None
            try:
                await self._api.server.call(self._api.rows.together, lambda db, taken=taken: _run(db, taken))
            except Exception as found:  # noqa: BLE001 - whoever waits is told
                error = found
            for _, told in taken:
                if told.done():
                    continue
                if error is None:
                    told.set_result(None)
                else:
                    told.set_exception(error)
        self._task = None

    def _next(self) -> list[tuple[Sequence[Statement], asyncio.Future[None]]]:
        size = count = 0
        while count < len(self._waiting) and size < _MOST:
            size += len(self._waiting[count][0])
            count += 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken


def _run(db: sqlite3.Connection, taken: Sequence[tuple[Sequence[Statement], Any]]) -> None:
    for statements, _ in taken:
        for sql, values in statements:
            db.execute(sql, values)
