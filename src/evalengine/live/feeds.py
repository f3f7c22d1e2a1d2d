"""What a subscriber is given: positions in their order, the latest alone when it was slow."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalengine.live.values import Position

MOST = 32  # positions that wait for a subscriber


class Feed:
    """An asynchronous iterator of positions, which ends after that of a match that has ended.

    A position says all, so one who reads too slowly is given the latest, and how many were skipped: never more than
    `MOST` wait.

    Attributes:
        seat: whose it is, None: a spectator's.
    """

    def __init__(self, seat: int | None, closed: Callable[[Feed], None]) -> None:
        self.seat = seat
        self._closed = closed
        self._waiting: deque[Callable[[], Position]] = deque()
        self._skipped = 0
        self._last = self._ended = False
        self._filled = asyncio.Event()

    def put(self, position: Callable[[], Position], *, last: bool) -> None:
        """Give it one more; made when it is read, so that many who wait share what it is made of."""
        if len(self._waiting) >= MOST:
            self._skipped += len(self._waiting)
            self._waiting.clear()
        self._waiting.append(position)
        self._last = last
        self._filled.set()

    def close(self) -> None:
        """End it: nothing more is given."""
        self._ended = True
        self._waiting.clear()
        self._filled.set()
        self._closed(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Position:
        while not self._waiting:
            if self._last or self._ended:
                self._closed(self)
                raise StopAsyncIteration
            self._filled.clear()
            await self._filled.wait()
        made = self._waiting.popleft()()
        skipped, self._skipped = self._skipped, 0
        return replace(made, skipped=skipped) if skipped else made
