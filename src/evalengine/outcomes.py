"""What came of stored matches that were continued: a branch's win rates, an exploration's rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalengine import runs
from evalengine.exploring import Continues
from evalengine.model import Termination
from evalengine.replays import read_match
from evalengine.statistics.distributions import normal_quantile, wilson_interval

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalengine.plugins import Plugins
    from evalengine.replays import StoredMatch
    from evalengine.runs import Run
    from evalengine.store import Store

_RUN_SHIFT = 40
_VOID = Termination.VOID.value
_P95 = 0.975


@dataclass(frozen=True, kw_only=True, slots=True)
class SeatOutcome:
    """What a branch says of one seat; None where no continuation has a result."""

    seat: int
    agent: str
    replaced: bool  # another agent sat there in the parent
    wins: int
    draws: int
    losses: int
    win_rate: float | None  # wins of all
    lo: float | None  # of its 95% interval (Wilson 1927)
    hi: float | None
    score: float | None  # the game's own, the mean
    score_lo: float | None  # of its 95% interval (Student 1908); None below two
    score_hi: float | None
    parent_score: float
    parent_place: int


@dataclass(frozen=True, kw_only=True, slots=True)
class BranchOutcome:
    """What a branch says: the continuations' results by seat.

    Attributes:
        run: its own number; parent: the parent's id with its run before it; turn, luck: as they were asked for;
        matches: with a result; voids; distinct: games that differ in an action: 1 means that nothing was random.
    """

    run: int
    state: str
    parent: str
    turn: int
    luck: str
    matches: int
    voids: int
    distinct: int
    seats: tuple[SeatOutcome, ...]


def outcome_of(run: Run, store: Store, plugs: Plugins) -> BranchOutcome:
    """Return what the stored continuations of a branch say, its parent read back."""
    wish = Continues.of(run.entry.settings)
    parent = read_match(wish.run, wish.match or 0, runs.reopen(store, wish.run, plugs).entry, store)
    assert parent is not None
    return outcome(run, parent, store)


def outcome(run: Run, parent: StoredMatch, store: Store) -> BranchOutcome:
    """Return what the stored continuations of a branch say."""
    wish = Continues.of(run.entry.settings)
    game = run.entry.games[0].game
    sides = [tuple(side) for side in game.teams(len(parent.spec.agents))]
    tallies = [_Tally() for _ in parent.spec.agents]
    matches = 0
    for _, _, termination, _, scores, places, _, _ in _stored(run, store):
        if termination == _VOID:
            continue
        matches += 1
        sole = sum(places[side[0]] == 1 for side in sides) == 1
        for tally, score, place in zip(tallies, scores, places, strict=True):
            tally.add(score, place, sole=sole)
    distinct = store.rows(
        "select count(distinct actions) n from match where id >= ? and id < ? and termination <> 'void'",
        *store.span(run.number),
    )[0]["n"]
    replaced = dict(wish.seats)
    names = list(parent.agents)
    for seat, agent in replaced.items():
        names[seat] = run.entry.agents[agent].name
    return BranchOutcome(
        run=run.number,
        state=run.state,
        parent=f"{parent.run}/{parent.name}",
        turn=wish.turn or 0,
        luck=wish.luck,
        matches=matches,
        voids=run.played - matches,
        distinct=distinct,
        seats=tuple(
            tally.outcome(seat, names[seat], parent, replaced=seat in replaced) for seat, tally in enumerate(tallies)
        ),
    )


def _stored(run: Run, store: Store) -> Iterator[Any]:
    next_no = 0
    while chunk := store.stored(run.number, next_no, 1000):
        yield from chunk
        next_no = chunk[-1][0] + 1


class _Tally:
    """Counts one seat's results."""

    def __init__(self) -> None:
        self.wins = self.draws = self.losses = 0
        self._mean = self._squares = 0.0

    @property
    def matches(self) -> int:
        return self.wins + self.draws + self.losses

    def add(self, score: float, place: int, *, sole: bool) -> None:
        if place != 1:
            self.losses += 1
        elif sole:
            self.wins += 1
        else:
            self.draws += 1
        # Welford (1962).
        off = score - self._mean
        self._mean += off / self.matches
        self._squares += off * (score - self._mean)

    def outcome(self, seat: int, agent: str, parent: StoredMatch, *, replaced: bool) -> SeatOutcome:
        n = self.matches
        lo, hi = wilson_interval(self.wins / n, n) if n else (None, None)
        half = student_95(n - 1) * math.sqrt(self._squares / (n - 1) / n) if n > 1 else None
        spec = parent.game.spec
        return SeatOutcome(
            seat=seat,
            agent=agent,
            replaced=replaced,
            wins=self.wins,
            draws=self.draws,
            losses=self.losses,
            win_rate=self.wins / n if n else None,
            lo=lo,
            hi=hi,
            score=self._mean if n else None,
            score_lo=None if half is None else max(spec.min_score, self._mean - half),
            score_hi=None if half is None else min(spec.max_score, self._mean + half),
            parent_score=parent.seats[seat]["score"],
            parent_place=parent.seats[seat]["place"],
        )


def student_95(freedom: int) -> float:
    """Return Student's t below which 97.5% lie: exact for 1 and 2, else to 1% (Abramowitz and Stegun 1964, 26.7.5)."""
    if freedom == 1:
        return math.tan(math.pi * (_P95 - 0.5))
    middle = 2 * _P95 - 1
    if freedom == 2:  # noqa: PLR2004 - a closed form, as for 1
        return middle * math.sqrt(2 / (1 - middle**2))
    z = normal_quantile(_P95)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return float(z + sum(term / freedom**power for power, term in enumerate(terms, 1)))


ROW = ("parent", "turn", "seat", "agent", "action", "played", "sample", "score", "place", "luck", "match")


def rows(run: int, store: Store) -> Iterator[dict[str, Any]]:
    """Yield what an exploration found, in the order of its matches, as mappings with the keys of ROW; no voids."""
    sql = """select parent, turn, seat, agent, action, played, sample, score, place, luck, run || '/' || match_no, id
        from v_branches where id > ? and id < ? and termination <> 'void' order by id limit 1000"""
    last, high = (run << _RUN_SHIFT) - 1, (run + 1) << _RUN_SHIFT
    while found := list(store.iterate(sql, last, high)):
        yield from (dict(zip(ROW, row, strict=False)) for row in found)
        last = found[-1][-1]
