"""What a server asks of live matches, and what it is told."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from evalengine.model import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine.model import Action, View

WAITING, ACTIVE, COMPLETED, FAILED = "waiting", "active", "completed", "failed"
ENDED = (COMPLETED, FAILED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """A match as somebody wants it opened.

    `game`, `seats` and `stand_in` are references as `evalengine run` takes them, files among them: what a stranger
    typed must be looked up among known names before it comes here.

    Attributes:
        game: one game, configured: "hex(size=5)";
        seats: by seat None, a remote one, or the reference of an agent; as many as the game has;
        take: how many of the remote seats, the first ones, the caller takes at once; the others are joined; 0 where no
            seat is remote: agents play among themselves;
        holder: who the caller is, for `join` to know them again, and to list their matches by;
        seed: 63 bits, None: drawn; max_turns: 0: the game's own;
        turn_s: seconds for an answer of a remote seat, by the wall clock; gone_s: for a seat that is asked and gives no
            sign of life; None: as long as it likes;
        late: what becomes of a seat after either: "stand-in", an agent goes on, or "forfeit", it has made a fault;
        stand_in: the agent that goes on for who leaves;
        limits, sandbox: of agents from outside; note: the server's own, kept as it is.
    """

    game: str
    seats: Sequence[str | None]
    take: int = 1
    holder: str = ""
    seed: int | None = None
    max_turns: int = 0
    turn_s: float | None = None
    gone_s: float | None = None
    late: Literal["stand-in", "forfeit"] = "stand-in"
    stand_in: str = "random"
    limits: Limits = field(default_factory=Limits)
    sandbox: str = "auto"
    note: Mapping[str, Any] = field(default_factory=dict)


class Taken(NamedTuple):
    """A remote seat with what its holder proves it by: a token is told once, and stored as its digest only."""

    seat: int
    token: str


def token() -> str:
    """Return a new token of a seat."""
    return secrets.token_urlsafe(32)


class Opened(NamedTuple):
    """A match that was opened, and the seats that its caller holds."""

    id: str
    state: str
    seats: tuple[Taken, ...]


class Acted(NamedTuple):
    """What became of an action: it is stored, or refused, with the game's reason, and nothing has changed."""

    accepted: bool
    turn: int  # that it belongs to
    reason: str = ""


class Question(NamedTuple):
    """What a seat that is to move is asked."""

    view: View
    legal: Sequence[Action] | None  # None: its actions cannot be listed


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """Where a match stands, for a seat or for a spectator; all that is needed, whichever was seen before.

    Attributes:
        state: "waiting", "active", "completed" or "failed"; reason: why it failed;
        turn: that is asked now, or how many there were; to_move: the seats that it waits for or asks;
        question: of the seat, None when it is not asked;
        view: what everybody may see, None where a game hides something; last: actions of the turn before, as text,
            by seat; None where a game hides something;
        scores, places, termination: by seat, once it is completed;
        left: by remote seat that was left, from which turn on an agent goes on for it;
        skipped: positions before this one that a slow subscriber was not given.
    """

    state: str
    reason: str = ""
    turn: int = 0
    to_move: Sequence[int] = ()
    question: Question | None = None
    view: View = None
    last: Mapping[int, str] | None = None
    scores: Sequence[float] | None = None
    places: Sequence[int] | None = None
    termination: str | None = None
    skipped: int = 0
    left: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A match as a list shows it.

    Attributes:
        run: whose match 0 it becomes; agents: by seat; remote: which seats are; parent, turn: where it was continued
        from, None where it was not; position: as a spectator has it.
    """

    id: str
    run: int
    game: str
    agents: Sequence[str]
    remote: Sequence[int]
    holder: str
    created: float
    ended: float | None
    parent: str | None
    turn: int | None
    note: Mapping[str, Any]
    position: Position
