"""Which remote seats are late, by the wall clock of the process that serves their match."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalengine.live.sessions import Session


class Lateness:
    """A timer for each match that waits for remote seats.

    Args:
        late: is called with match, seat and reason, once for each turn in which a seat is late.
    """

    def __init__(self, late: Callable[[Session, int, str], None]) -> None:
        self._late = late

    def arm(self, session: Session) -> None:
        """Look again when the first of the seats that are asked may be late."""
        self.disarm(session)
        due = [due_s for seat in session.row.remote if session.asked(seat) for due_s, _ in _dues(session, seat)]
        if due:
            delay_s = max(0.0, min(due) - time.monotonic())
            session.timer = asyncio.get_running_loop().call_later(delay_s, self._look, session)

    def disarm(self, session: Session) -> None:
        """Look no more."""
        if session.timer is not None:
            session.timer.cancel()
            session.timer = None

    def _look(self, session: Session) -> None:
        now = time.monotonic()
        for seat in session.row.remote:
            dues = _dues(session, seat) if session.asked(seat) else []
            if late := [reason for due_s, reason in dues if due_s <= now]:
                self._late(session, seat, late[0])
                # Told once: the process answers, or dies and is told anew when the turn is shown again.
                session.shown_s = now
        self.arm(session)


def _dues(session: Session, seat: int) -> list[tuple[float, str]]:
    """Return until when a seat that is asked is waited for, and what it is told to have done then."""
    turn_s, gone_s = session.row.options.get("turn_s"), session.row.options.get("gone_s")
    found = [] if turn_s is None else [(session.shown_s + turn_s, f"no answer in {turn_s:g} s")]
    if gone_s is not None:
        seen_s = time.monotonic() if session.present(seat) else session.seen_s.get(seat, 0.0)
        found.append((max(session.shown_s, seen_s) + gone_s, f"gone for {gone_s:g} s"))
    return found
