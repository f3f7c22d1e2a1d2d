"""A live match as the process that serves it keeps it: who sits where, what was told last, who waits for what."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import msgpack

from evalengine.live.feeds import Feed
from evalengine.live.scribe import Line
from evalengine.live.values import ACTIVE, ENDED, Acted, Listed, Position, Question

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping, Sequence

    from evalengine.live.rows import Row
    from evalengine.live.seating import Seated


Tokens = dict[bytes, tuple[int, str]]
"""Seat and holder by a token's digest."""


class Shown(NamedTuple):
    """What the process that plays a match said of a turn."""

    turn: int = -1
    to_move: Sequence[int] = ()
    questions: Mapping[int, bytes] = {}
    view: bytes | None = None
    last: Mapping[int, str] | None = None


class Acting(NamedTuple):
    """An action that the match was told of, and who waits for what becomes of it."""

    seat: int
    action_id: str | None
    reply: asyncio.Future[Acted]

    def tell(self, told: Acted | Exception) -> None:
        """Answer whoever waits, if they do still."""
        if self.reply.done():
            return
        if isinstance(told, Acted):
            self.reply.set_result(told)
        else:
            self.reply.set_exception(told)


class Session:
    """One live match.

    Attributes:
        row: as it is stored; seated: what is fixed of it, None once it has ended;
        tokens: seat and holder by a token's digest; left: seats that an agent goes on for, by the turn from which it
        does;
        play: by the process that plays it now, None while it is begun again; busy: whether that owes an answer;
        slow: whether an agent in it computes for long; deaths: of processes in a row that owed it an answer;
        shown: the turn that is asked; shown_s: since when; answered: who has, in it;
        acting, leaving: who waits for what was asked of the match, by ticket and by seat;
        acted, refused: by seat and action_id what became of an action: all that were taken, the latest refused ones;
        feeds: of those who follow; seen_s: when a sign of life came from a seat; timer: until one may be late.
    """

    def __init__(self, row: Row, tokens: Tokens) -> None:
        self.row = row
        self.seated: Seated | None = None
        self.tokens = tokens
        self.left: dict[int, int] = {}
        self.play: Play | None = None
        self.busy = self.slow = False
        self.deaths = 0
        self.shown = Shown()
        self.shown_s = time.monotonic()
        self.answered: set[int] = set()
        self.acting: dict[int, Acting] = {}
        self.leaving: dict[int, asyncio.Future[None]] = {}
        self.acted: dict[tuple[int, str], Acted] = {}
        self.refused: dict[tuple[int, str], Acted] = {}
        self.feeds: set[Feed] = set()
        self.seen_s: dict[int, float] = {}
        self.timer: asyncio.TimerHandle | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more happens."""
        return self.row.state in ENDED

    @property
    def contained(self) -> bool:
        """Whether agents from outside play in it, or may."""
        return self.seated is not None and self.seated.contained

    def asked(self, seat: int) -> bool:
        """Say whether the match waits for this seat."""
        return self.row.state == ACTIVE and seat in self.shown.questions and seat not in (self.answered | self.gone())

    def gone(self) -> set[int]:
        """Return the seats that an agent goes on for now."""
        return {seat for seat, turn in self.left.items() if turn <= self.shown.turn}

    def free(self) -> list[int]:
        """Return the remote seats that nobody has taken."""
        taken = {seat for seat, _ in self.tokens.values()}
        return [seat for seat in self.row.remote if seat not in taken]

    def ask_nobody(self) -> None:
        """Take back what was asked, until the turn is shown again."""
        self.shown, self.answered = self.shown._replace(questions={}), set()

    def position(self, seat: int | None) -> Position:
        """Return where it stands, for a seat or for everybody."""
        return _position(self.row, self.shown, dict(self.left), seat if seat is not None and self.asked(seat) else None)

    def listed(self, game: str, agents: Sequence[str]) -> Listed:
        """Return it as a list shows it."""
        row = self.row
        return Listed(
            id=row.id,
            run=row.run,
            game=game,
            agents=agents,
            remote=row.remote,
            holder=row.owner,
            created=row.created,
            ended=row.ended,
            parent=row.parent,
            turn=row.turn,
            note=row.note,
            position=self.position(None),
        )

    def feed(self, seat: int | None) -> Feed:
        """Return a feed of what comes, which begins with where it stands."""
        made = Feed(seat, self.feeds.discard)
        now = self.position(seat)  # made here: what comes meanwhile is told by itself, and no question twice
        made.put(lambda: now, last=self.ended)
        if not self.ended:
            self.feeds.add(made)
        return made

    def publish(self) -> None:
        """Tell all who follow where it stands now."""
        position = functools.partial(_position, self.row, self.shown, dict(self.left))
        everybody = functools.cache(functools.partial(position, None))
        for feed in list(self.feeds):
            own = feed.seat is not None and self.asked(feed.seat)
            feed.put(functools.partial(position, feed.seat) if own else everybody, last=self.ended)
        if self.ended:
            self.feeds.clear()

    def present(self, seat: int) -> bool:
        """Say whether the holder of a seat follows the match now."""
        return any(feed.seat == seat for feed in self.feeds)

    def fail_waiting(self, error: Exception) -> None:
        """Tell all who wait for an answer of the match that there is none."""
        for acting in self.acting.values():
            acting.tell(error)
        for done in self.leaving.values():
            if not done.done():
                done.set_exception(error)
        self.acting.clear()
        self.leaving.clear()


class Play(Line):
    """A match as one process plays it, up to the death of either.

    Attributes:
        number: what the process knows it by.
    """

    def __init__(self, session: Session, number: int, host_no: int) -> None:
        self.session = session
        self.number = number
        self.host_no = host_no


def _position(row: Row, shown: Shown, left: Mapping[int, int], seat: int | None) -> Position:
    if row.result is not None:
        scores, places, termination, turns = row.result
        told: dict[str, Any] = {"scores": scores, "places": places, "termination": termination, "turn": turns}
    else:
        told = {"turn": max(0, shown.turn)}
    question = None if seat is None else Question(*_unpacked(shown.questions[seat]))
    to_move = () if row.state in ENDED else tuple(shown.to_move)
    view = None if shown.view is None else _unpacked(shown.view)
    return Position(
        state=row.state, reason=row.reason, to_move=to_move, question=question, view=view, last=shown.last, left=left,
        **told,
    )  # fmt: skip


def _unpacked(data: bytes) -> Any:
    return msgpack.unpackb(data, strict_map_key=False)
