"""What the holder of a seat's token may do, over HTTP and WebSockets alike: look, act, leave."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine.errors import LiveError, Why
from evalengine.live.values import ACTIVE, ENDED
from evalengine_gertlabs.observations import action_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalengine.live.feeds import Feed
    from evalengine.live.values import Position
    from evalengine_gertlabs.api import Api

MOST_REFUSED = 20  # actions of a seat in a turn, after which an agent goes on for it
_SETTLED_S = 10.0  # until a match is begun again whose process, or server, died
_REMEMBERED = 10_000  # seats whose last refusal is known


class _Refused(NamedTuple):
    """Actions of a seat that were refused in a turn."""

    turn: int
    reason: str
    times: int


class Looked(NamedTuple):
    """What the holder of a seat sees; feedback: why its last action of this turn was refused, else ""."""

    seat: int
    position: Position
    feedback: str


class SeatCalls:
    """Seats of live matches as their holders use them."""

    def __init__(self, api: Api) -> None:
        self._live = api.live
        self._refused: OrderedDict[tuple[str, int], _Refused] = OrderedDict()
        self._leaving: dict[tuple[str, int], set[asyncio.Future[str]]] = {}

    async def look(self, session_id: str, token: str) -> Looked:
        """Return where a session stands for the seat of a token.

        Raises:
            LiveError: there is no such session, it has no such token, or is not played yet again after a restart.
        """
        feed = await self._live.subscribe(session_id, token)
        with contextlib.closing(feed):
            position = await _settled(feed)
        assert feed.seat is not None
        return Looked(feed.seat, position, self.feedback(session_id, feed.seat, position.turn))

    def feedback(self, session_id: str, seat: int, turn: int) -> str:
        """Return why the last action of a seat was refused, if that was in this turn."""
        found = self._refused.get((session_id, seat))
        return found.reason if found is not None and found.turn == turn else ""

    async def act(
        self, session_id: str, token: str, payload: Any, action_id: str | None = None, turn: int | None = None
    ) -> dict[str, Any]:
        """Act; return what a client is told of it. What is stored under an action_id is not done again.

        Raises:
            LiveError: the seat is not asked now, or nothing of the kind can be done.
        """
        looked = await self.look(session_id, token)
        asked = looked.position.question
        action = payload if asked is None else action_of(payload, asked.legal)
        meant = looked.position.turn if turn is None and asked is not None else turn
        acted = await self._live.act(session_id, token, action, action_id=action_id, turn=meant)
        told: dict[str, Any] = {"accepted": acted.accepted, "tick": acted.turn}
        if not acted.accepted:
            told["reason"] = acted.reason
            told["seat_lost"] = await self._note(session_id, token, looked.seat, acted.turn, acted.reason)
        return told

    async def _note(self, session_id: str, token: str, seat: int, turn: int, reason: str) -> bool:
        """Remember a refusal; say whether it was one too many, so that an agent goes on for the seat."""
        before = self._refused.pop((session_id, seat), None)
        count = before.times + 1 if before is not None and before.turn == turn else 1
        self._refused[session_id, seat] = _Refused(turn, reason, count)
        if len(self._refused) > _REMEMBERED:
            self._refused.popitem(last=False)
        if count < MOST_REFUSED:
            return False
        await self.leave(session_id, token, f"{MOST_REFUSED} actions of one turn were refused")
        return True

    async def leave(self, session_id: str, token: str, why: str) -> None:
        """Leave a seat, and tell who holds a connection for it.

        Raises:
            LiveError: it has no such token, or has ended.
        """
        seat = (await self.look(session_id, token)).seat
        await self._live.leave(session_id, token)
        for waiting in self._leaving.pop((session_id, seat), ()):
            if not waiting.done():
                waiting.set_result(why)

    @contextlib.contextmanager
    def following(self, session_id: str, seat: int) -> Iterator[asyncio.Future[str]]:
        """Give what is set, to why, when the seat is left."""
        key, left = (session_id, seat), asyncio.get_running_loop().create_future()
        self._leaving.setdefault(key, set()).add(left)
        try:
            yield left
        finally:
            left.cancel()
            others = self._leaving.get(key, set())
            others.discard(left)
            if not others:
                self._leaving.pop(key, None)


async def _settled(feed: Feed) -> Position:
    """Return where a match stands; after a restart once it stands where it did.

    Raises:
        LiveError: it does not yet ("busy").
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_SETTLED_S):
            async for position in feed:
                if position.to_move or position.state != ACTIVE:
                    return position
    raise LiveError(Why.BUSY, "the session is being begun again: ask again")


async def first_position(api: Api, session_id: str, token: str, limit_s: float) -> Position | None:
    """Return the position, for the seat of a token, in which seats are asked first, or the last one; None: too late."""
    with contextlib.suppress(TimeoutError, LiveError):
        feed = await api.live.subscribe(session_id, token)
        try:
            async with asyncio.timeout(limit_s):
                async for position in feed:
                    if position.to_move or position.state in ENDED:
                        return position
        finally:
            feed.close()
    return None
