"""What pairings share whose rounds have equally many matches: exactly n over the rounds, in whole rotations."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalengine import Contest, Pairing, Plan
from evalengine.builtin.cells import Record, evenly, matches_of, shares

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalengine import MatchSpec, Standings


@dataclass(frozen=True, slots=True)
class Course:
    """One game's part of the plan."""

    contest: Contest
    a_round: int  # matches of a whole round
    matches: int  # of all rounds

    @property
    def rounds(self) -> int:
        """How many rounds, the last of which may be shorter."""
        return -(-self.matches // self.a_round)


class InRounds(Pairing):
    """Rounds of equally many matches in each game; `--rounds` counts them, -n cuts the last one short.

    A meeting is one rotation. In a last round that is cut short, meetings differ by at most one match.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.courses = self._courses()

    @abstractmethod
    def meetings(self, contest: Contest) -> int:
        """Return how many cells meet in a round."""

    @abstractmethod
    def usual(self, contest: Contest) -> int:
        """Return how many rounds there are when nobody says."""

    @abstractmethod
    def meet(self, contest: Contest, round_no: int, record: Record, standings: Standings) -> Sequence[Sequence[int]]:
        """Return the cells that meet in a round, `meetings` of them."""

    def _courses(self) -> list[Course]:
        plan = self.plan
        sizes = [self.meetings(contest) * len(contest.sides) for contest in plan.contests]
        if plan.matches is not None:
            matches = shares(plan.matches, sizes)
        else:
            rounds = [plan.rounds or self.usual(contest) for contest in plan.contests]
            matches = [size * number for size, number in zip(sizes, rounds, strict=True)]
        return [Course(*told) for told in zip(plan.contests, sizes, matches, strict=True)]

    def sizes(self) -> Mapping[int, int]:
        return {course.contest.game_no: course.matches for course in self.courses}

    def rounds(self) -> int:
        return max(course.rounds for course in self.courses)

    def round(self, round_no: int, standings: Standings) -> Iterator[MatchSpec] | None:
        return self._matches(round_no, standings) if round_no < self.rounds() else None

    def _matches(self, round_no: int, standings: Standings) -> Iterator[MatchSpec]:
        match_no = 0
        for course in self.courses:
            if round_no >= course.rounds:
                continue
            record = Record(course.contest, standings)
            cells = self.meet(course.contest, round_no, record, standings)
            left = min(course.a_round, course.matches - round_no * course.a_round)
            met: Counter[frozenset[int]] = Counter()  # in this round already
            for agents, count in zip(cells, evenly(left, len(cells)), strict=True):
                rotation = record.rotations(agents) + met[frozenset(agents)]
                met[frozenset(agents)] += 1
                for spec in matches_of(self.plan, course.contest, agents, rotation, count):
                    yield spec._replace(match_no=match_no)
                    match_no += 1

    def describe(self) -> Iterator[str]:
        """Yield a line a game: the rounds, and how many matches each has."""
        for course in self.courses:
            sides = len(course.contest.sides)
            last = course.matches % course.a_round
            cut = f", {last} matches in the last" if last else ""
            yield (
                f"{course.contest.ref}: {course.matches} matches in {course.rounds} rounds of "
                f"{course.a_round // sides} meetings x {sides} seat orders{cut}"
            )
