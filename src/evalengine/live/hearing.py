"""What becomes of a match by what the process that plays it says: what is to be stored, and what holds once it is."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any

from evalengine.errors import LiveError, Why
from evalengine.live import rows
from evalengine.live.messages import DID, LEFT
from evalengine.live.sessions import Shown
from evalengine.live.values import Acted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalengine.live.sessions import Session
    from evalengine.store import Store


MOST_REFUSED = 64  # of a match that are known by their ids


def writing(session: Session, kind: int, fields: Sequence[Any]) -> Callable[[Store], None] | None:
    """Return what is to be stored of what was said; None: nothing."""
    run = session.row.run
    if kind == DID:
        *stored, ticket = fields
        action_id = session.acting[ticket].action_id if ticket in session.acting else None
        return functools.partial(rows.add_action, run=run, fields=stored, action_id=action_id)
    if kind == LEFT:
        seat, turn, reason = fields
        return functools.partial(rows.add_left, run=run, seat=seat, turn=turn, reason=reason)
    return None


def did(session: Session, turn: int, seat: int, *more: Any) -> None:
    """A seat has answered: tell whoever acted in it."""
    ticket = more[-1]
    if turn == session.shown.turn:
        session.answered.add(seat)
    session.deaths = 0
    acted = Acted(accepted=True, turn=turn)
    if (acting := session.acting.pop(ticket, None)) is not None:
        if acting.action_id is not None:
            session.acted[seat, acting.action_id] = acted
        acting.tell(acted)
    # Told of when the turn is over: who is still asked has the question.
    session.busy = not set(session.shown.questions) - session.answered - session.gone()


def at(  # noqa: PLR0917 - as it is said
    session: Session,
    turn: int,
    to_move: Sequence[int],
    answered: Sequence[int],
    questions: Mapping[int, bytes],
    view: bytes | None,
    last: Mapping[int, str] | None,
) -> None:
    """The match asks somebody: tell all who follow."""
    session.shown, session.shown_s = Shown(turn, to_move, questions, view, last), time.monotonic()
    session.answered = set(answered)
    session.busy = not any(session.asked(seat) for seat in questions)
    if to_move:  # else the result follows, and says it
        session.publish()


def refused(session: Session, ticket: int, code: str, reason: str) -> None:
    """An action was not taken: tell whoever wanted it."""
    session.busy = False
    acting = session.acting.pop(ticket, None)
    if acting is None:
        return
    if code:
        acting.tell(LiveError(Why(code), reason))
        return
    told = Acted(accepted=False, turn=session.shown.turn, reason=reason)
    if acting.action_id is not None:
        session.refused[acting.seat, acting.action_id] = told
        if len(session.refused) > MOST_REFUSED:
            session.refused.pop(next(iter(session.refused)))
    acting.tell(told)


def left(session: Session, seat: int, turn: int, _reason: str) -> None:
    """A seat was handed over: tell whoever left it."""
    session.left[seat] = turn
    if (done := session.leaving.pop(seat, None)) is not None and not done.done():
        done.set_result(None)
