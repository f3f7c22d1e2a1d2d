"""Knockout: who loses a tie is out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalengine import Contest, Pairing, Plan, UsageError
from evalengine.builtin.cells import TWO, Record, check_two_sides, matches_of, shares

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalengine import MatchSpec, Standings


@dataclass(frozen=True, slots=True)
class _Bracket:
    """One game's part of the plan.

    Attributes:
        rotations: of every tie before a replay; matches: in all, None: as many as it takes.
    """

    contest: Contest
    rotations: int
    matches: int | None

    @property
    def levels(self) -> int:
        """How many ties the winner plays, byes counted."""
        return (len(self.contest.agents) - 1).bit_length()


class Knockout(Pairing):
    """A bracket in each game, seeded in the order in which agents are named: the first two meet in the final only.

    Where the agents are no power of two, those named first have a bye. A tie is `--rounds` rotations (1). Who scored
    more goes on; when both scored alike a rotation is replayed, at most `replays` times, then the one named first goes
    on. With -n each tie has as many rotations as all can have, replays are played while matches are left for them,
    and the final takes what is left then.
    """

    def __init__(self, plan: Plan, replays: int = 1) -> None:
        super().__init__(plan)
        check_two_sides(plan, "knockout", "take round-robin or ladder")
        self._replays = replays
        self._brackets = _brackets(plan)

    def sizes(self) -> Mapping[int, int] | None:
        if self.plan.matches is None:
            return None
        return {bracket.contest.game_no: bracket.matches or 0 for bracket in self._brackets}

    def rounds(self) -> int:
        return max(bracket.levels for bracket in self._brackets) * (1 + self._replays)

    def round(self, round_no: int, standings: Standings) -> Iterator[MatchSpec] | None:
        return self._matches(round_no, standings) if round_no < self.rounds() else None

    def _matches(self, round_no: int, standings: Standings) -> Iterator[MatchSpec]:
        # A timetable, so that rounds of several brackets begin together: each level, then its replays, maybe empty.
        level, replay = divmod(round_no, 1 + self._replays)
        match_no = 0
        for bracket in self._brackets:
            if level >= bracket.levels:
                continue
            record = Record(bracket.contest, standings)
            ties = _ties(bracket.contest.agents, level, record)
            for agents, count in _lengths(bracket, ties, level, replay, record):
                for spec in matches_of(self.plan, bracket.contest, agents, record.rotations(agents), count):
                    yield spec._replace(match_no=match_no)
                    match_no += 1

    def describe(self) -> Iterator[str]:
        """Yield a line a game: how long ties are."""
        for bracket in self._brackets:
            agents = len(bracket.contest.agents)
            last = (
                f"{bracket.matches} matches, the final takes what is left" if bracket.matches else "as many as needed"
            )
            yield (
                f"{bracket.contest.ref}: knockout of {agents}, {agents - 1} ties of {bracket.rotations} rotations, "
                f"{self._replays} replayed when even; {last}"
            )


def _brackets(plan: Plan) -> list[_Bracket]:
    """Return the brackets of a plan.

    Raises:
        UsageError: there are fewer matches than ties need.
    """
    if plan.matches is None:
        return [_Bracket(contest, plan.rounds or 1, None) for contest in plan.contests]
    least = [TWO * (len(contest.agents) - 1) for contest in plan.contests]
    matches = shares(plan.matches, least)
    if plan.matches < sum(least) or any(had < needed for had, needed in zip(matches, least, strict=True)):
        msg = f"pairing 'knockout' needs at least {sum(least)} matches for a rotation in every tie, not {plan.matches}"
        raise UsageError(msg)
    told = zip(plan.contests, matches, least, strict=True)
    return [_Bracket(contest, had // needed, had) for contest, had, needed in told]


def _seeding(size: int) -> list[int]:
    """Return the places of a bracket by seed, so that seeds 1 and 2 can meet in the final only, 1 to 4 before it ..."""
    order = [0]
    while len(order) < size:
        order = [place for seed in order for place in (seed, 2 * len(order) - 1 - seed)]
    return order


def _ties(agents: Sequence[int], level: int, record: Record) -> list[tuple[int, int]]:
    """Return who meets at a level, the one named first of each tie first; byes are left out."""
    size = 1 << (len(agents) - 1).bit_length()
    left = [agents[seed] if seed < len(agents) else None for seed in _seeding(size)]
    for _ in range(level):
        left = [_winner(one, other, record) for one, other in zip(left[::2], left[1::2], strict=True)]
    pairs = zip(left[::2], left[1::2], strict=True)
    return [(min(one, other), max(one, other)) for one, other in pairs if one is not None and other is not None]


def _winner(one: int | None, other: int | None, record: Record) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    ahead = record.points(one, other) - record.points(other, one)
    first, second = min(one, other), max(one, other)
    return (one if ahead > 0 else other) if ahead else min(first, second)


def _lengths(
    bracket: _Bracket, ties: Sequence[tuple[int, int]], level: int, replay: int, record: Record
) -> Iterator[tuple[tuple[int, int], int]]:
    """Yield the ties that are played now, each with its matches."""
    base = TWO * bracket.rotations
    final = level == bracket.levels - 1
    if replay == 0:
        for tie in ties:
            yield tie, bracket.matches - _spent(bracket, record) if final and bracket.matches is not None else base
        return
    even = [tie for tie in ties if record.points(*tie) == record.points(tie[1], tie[0])]
    if bracket.matches is not None:
        even = [] if final else even[: _spare(bracket, record) // TWO]
    yield from ((tie, TWO) for tie in even)


def _spent(bracket: _Bracket, record: Record) -> int:
    """Return how many matches were played before the final."""
    return sum(map(record.played, bracket.contest.agents)) // TWO


def _spare(bracket: _Bracket, record: Record) -> int:
    """Return how many matches are left for replays: those above what every tie needs."""
    agents = bracket.contest.agents
    base = TWO * bracket.rotations
    pairs = ((one, other) for place, one in enumerate(agents) for other in agents[place + 1 :])
    replayed = sum(max(0, record.matches(one, other) - base) for one, other in pairs)
    return (bracket.matches or 0) - base * (len(agents) - 1) - replayed
