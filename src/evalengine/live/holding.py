"""Who holds which seat of a live match, and whether what they ask of it can be done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from evalengine import wire
from evalengine.errors import LiveError, Why
from evalengine.live.endings import digest_of
from evalengine.live.values import ACTIVE, WAITING

if TYPE_CHECKING:
    import asyncio

    from evalengine.live.sessions import Session
    from evalengine.live.values import Acted
    from evalengine.model import Action

_TOKENS = 16  # of one seat
_LONGEST_ACTION = 64 << 10
_LONGEST_ID = 200


def seat_of(session: Session, token: str) -> int:
    """Return the seat of a token, of which this is a sign of life.

    Raises:
        LiveError: the match has no such "token".
    """
    found = session.tokens.get(digest_of(token))
    if found is None:
        raise LiveError(Why.TOKEN, f"this is no token of match {session.row.id}")
    session.seen_s[found[0]] = time.monotonic()
    return found[0]


def seat_for(session: Session, holder: str, wanted: int | None = None) -> int:
    """Return the seat that somebody may take: the one that they hold, `wanted` of several, else the first free one.

    Raises:
        LiveError: there is none ("full"), or the match has ended ("state").
    """
    if session.ended:
        raise LiveError(Why.STATE, f"match {session.row.id} has ended: open another")
    held = [seat for seat, who in session.tokens.values() if holder and who == holder and wanted in {None, seat}]
    free = session.free() if session.row.state == WAITING else []
    if not held and not free:
        raise LiveError(Why.FULL, f"match {session.row.id} has no free seat")
    seat = (held or free)[0]
    if sum(known == seat for known, _ in session.tokens.values()) >= _TOKENS:
        told = f"seat {seat} of {session.row.id} was joined {_TOKENS} times: use one of its tokens"
        raise LiveError(Why.FULL, told)
    return seat


def check_active(session: Session) -> None:
    """Refuse what only a match can do that is played.

    Raises:
        LiveError: it is not ("state").
    """
    if session.row.state != ACTIVE:
        raise LiveError(Why.STATE, f"match {session.row.id} is {session.row.state}, not active")


def check_asked(session: Session, seat: int, turn: int | None) -> None:
    """Refuse an action that nobody asked for.

    Raises:
        LiveError: the match is not active ("state"), or does not ask this seat now, in this turn ("asked").
    """
    check_active(session)
    if not session.asked(seat) or (turn is not None and turn != session.shown.turn):
        raise LiveError(Why.ASKED, f"seat {seat} is not asked {f'in turn {turn} ' * (turn is not None)}now")


def known(session: Session, seat: int, action_id: str | None) -> Acted | asyncio.Future[Acted] | None:
    """Return what became of an action, or will, if it was given before under the same name.

    Raises:
        LiveError: this is no name ("value").
    """
    if action_id is None:
        return None
    if not 0 < len(action_id) <= _LONGEST_ID:
        raise LiveError(Why.VALUE, f"an action_id has 1 to {_LONGEST_ID} characters")
    if told := session.acted.get((seat, action_id)) or session.refused.get((seat, action_id)):
        return told
    waits = (acting.reply for acting in session.acting.values() if (acting.seat, acting.action_id) == (seat, action_id))
    return next(waits, None)


def packed(action: Action) -> bytes:
    """Return an action as bytes.

    Raises:
        LiveError: it is no value, or too large ("value").
    """
    try:
        data = wire.pack(action)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise LiveError(Why.VALUE, f"an action is a value of JSON: {error}") from error
    if len(data) > _LONGEST_ACTION:
        raise LiveError(Why.VALUE, f"an action has at most {_LONGEST_ACTION >> 10} KiB")
    return data
