"""How many live matches may be open: in all, of one holder, and with agents from outside."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalengine.errors import LiveError, Why

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalengine.live.seating import Seated
    from evalengine.live.sessions import Session

MOST_ACTIVE = 1_000  # that have not ended
MOST_HELD = 400  # of them of one holder
MOST_CONTAINED = 16  # of them with agents from outside, each with processes of its own


@dataclass(slots=True)
class Claim:
    """Matches that somebody is about to open."""

    room: Room
    count: int
    holder: str
    contained: bool = False

    def check_contained(self, seated: Seated) -> None:
        """Take room for agents from outside, if any play in them.

        Raises:
            LiveError: there is none ("busy").
        """
        if seated.contained:
            self.room.check_contained(self.count)
            self.contained = True


class Room:
    """What is left of it.

    Args:
        sessions: those that are open.
    """

    def __init__(self, sessions: Mapping[str, Session], most_active: int, most_contained: int, most_held: int) -> None:
        self._sessions = sessions
        self._most_active, self._most_contained, self._most_held = most_active, most_contained, most_held
        self._claims: list[Claim] = []  # while those are planned and stored

    @contextlib.contextmanager
    def claimed(self, count: int, holder: str) -> Iterator[Claim]:
        """Keep room for matches while they are opened.

        Raises:
            LiveError: there is none ("busy").
        """
        self._check(count, holder)
        claim = Claim(self, count, holder)
        self._claims.append(claim)
        try:
            yield claim
        finally:
            self._claims.remove(claim)

    def _check(self, count: int, holder: str) -> None:
        open_now = len(self._sessions) + sum(claim.count for claim in self._claims)
        if open_now + count > self._most_active:
            raise LiveError(Why.BUSY, f"{self._most_active} live matches are open: ask again later")
        held = sum(session.row.owner == holder for session in self._sessions.values())
        held += sum(claim.count for claim in self._claims if claim.holder == holder)
        if holder and held + count > self._most_held:
            told = f"{held} live matches of yours are open, and you may have {self._most_held}: end some of them first"
            raise LiveError(Why.BUSY, told)

    def check_contained(self, count: int) -> None:
        """Refuse more matches with agents from outside than there is room for.

        Raises:
            LiveError: there is none ("busy").
        """
        open_now = sum(session.contained for session in self._sessions.values())
        open_now += sum(claim.count for claim in self._claims if claim.contained)
        if open_now + count > self._most_contained:
            told = f"{self._most_contained} live matches with agents from outside are open: ask again later"
            raise LiveError(Why.BUSY, told)
