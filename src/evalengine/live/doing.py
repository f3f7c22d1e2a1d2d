"""What is done in the event loop beside whoever asked for it: to its end, whoever does not wait any more."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Doing:
    """The tasks of one keeper."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def whole(self, what: Coroutine[Any, Any, T]) -> T:
        """Do something to its end, also when whoever waits for it is gone in the middle."""
        return await asyncio.shield(self._begun(what))

    def later(self, what: Coroutine[Any, Any, None]) -> None:
        """Do something for which nobody waits."""
        self._begun(what).add_done_callback(_tell_crash)

    def _begun(self, what: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.ensure_future(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def stop(self) -> None:
        """End all of it where it stands."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _tell_crash(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a live match: %s", error, exc_info=error)
