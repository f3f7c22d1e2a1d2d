"""Whose seats in live matches are whose, as pages know it: tokens in memory, found again by who holds them."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from evalengine.errors import LiveError
from evalengine.live.values import ACTIVE

if TYPE_CHECKING:
    from evalengine.live.values import Listed, Position, Taken
    from evalengine.web.house import Server
    from evalengine.web.pages.visitors import Visitor

_MOST = 10_000


def playing(taken: Taken | None, position: Position) -> Taken | None:
    """Return a seat unless it was left: who held it looks on from then on."""
    return None if taken is None or taken.seat in position.left else taken


class Seats:
    """The seats that visitors have taken."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._taken: OrderedDict[tuple[str, str], Taken] = OrderedDict()

    def note(self, live_id: str, visitor: Visitor, taken: Taken) -> None:
        """Remember that a visitor has a seat."""
        self._taken[live_id, visitor.holder] = taken
        if len(self._taken) > _MOST:
            self._taken.popitem(last=False)

    def forget(self, live_id: str, visitor: Visitor) -> None:
        """Forget a seat that was left before the match began: its token is no more."""
        self._taken.pop((live_id, visitor.holder), None)

    async def of(self, listed: Listed, visitor: Visitor) -> Taken | None:
        """Return the seat of a visitor in a match, None when they have none."""
        known = self._taken.get((listed.id, visitor.holder))
        # After a restart: whoever opened a match that has begun has a seat in it, and is given a new token for it.
        if known is None and visitor.holder and listed.holder == visitor.holder and listed.position.state == ACTIVE:
            known = await self.join(listed.id, visitor)
        return known

    async def join(self, live_id: str, visitor: Visitor) -> Taken | None:
        """Take a seat, or the visitor's own again; None when there is none."""
        try:
            taken: Any = await self._server.live.join(live_id, visitor.holder)
        except LiveError:
            return None
        self.note(live_id, visitor, taken)
        found: Taken = taken
        return found
