"""Swiss: in each round those meet who have about the same score, and nobody twice while that can be avoided."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evalengine.builtin.cells import TWO, check_two_sides
from evalengine.builtin.in_rounds import InRounds
from evalengine.builtin.matching import most_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import Contest, Plan, Standings
    from evalengine.builtin.cells import Record

_REST = -1  # whom the agent meets that has nobody to meet


class Swiss(InRounds):
    """Rounds of pairs; each meeting is a rotation, so everybody has each seat equally often.

    An agent's score is its wins and half of its draws and voids. With an odd number of agents one rests in each round,
    the lowest of those that rested least, and scores as if it had won. Of equal scores the upper half, in the order in
    which agents are named, meets the lower half. Without -n and --rounds there are log2 of the agents, rounded up.
    """

    def __init__(self, plan: Plan) -> None:
        check_two_sides(plan, "swiss", "take round-robin or ladder")
        super().__init__(plan)

    def meetings(self, contest: Contest) -> int:
        """Return how many pairs meet in a round."""
        return len(contest.agents) // 2

    def usual(self, contest: Contest) -> int:
        """Return how many rounds single out one agent that wins all."""
        return max(1, math.ceil(math.log2(len(contest.agents))))

    def meet(self, contest: Contest, round_no: int, record: Record, standings: Standings) -> Sequence[Sequence[int]]:
        """Return pairs of near scores, as few as possible of which have met."""
        table = _Table(contest, round_no, record)
        pairs: list[tuple[int, int]] = []
        free = list(range(len(table.order)))
        most = 0
        while free:  # who can only meet again does: those first who have met least
            wishes = [[free.index(other) for other in table.wanted(one, free, most)] for one in free]
            mates = most_pairs(wishes)
            pairs += ((free[one], free[mate]) for one, mate in enumerate(mates) if mate > one)
            free = [free[one] for one, mate in enumerate(mates) if mate < 0]
            most += 1
        named = [(table.order[one], table.order[other]) for one, other in sorted(pairs)]
        return [pair for pair in named if _REST not in pair]


class _Table:
    """The agents before a round, best first, with the rest as the last one where they are odd."""

    def __init__(self, contest: Contest, round_no: int, record: Record) -> None:
        self._record = record
        self._rests = {agent: max(0, round_no - record.played(agent) // TWO) for agent in contest.agents}
        scores = {agent: record.total(agent) + TWO * self._rests[agent] for agent in contest.agents}
        self.order = sorted(contest.agents, key=lambda agent: (-scores[agent], agent))
        if len(self.order) % 2:
            self.order.append(_REST)
        self._scores = [scores.get(agent, -math.inf) for agent in self.order]
        self._begins = [self._scores.index(score) for score in self._scores]  # of each one's group of equal scores
        self._sizes = [self._scores.count(score) for score in self._scores]

    def _met(self, one: int, other: int) -> int:
        """Return how often two have met; of the rest, how often it came over the fewest times it came to anybody."""
        agents = self.order[one], self.order[other]
        if _REST in agents:
            return self._rests[max(agents)] - min(self._rests.values())
        return -(-self._record.matches(*agents) // TWO)

    def wanted(self, one: int, free: Sequence[int], most: int) -> list[int]:
        """Return the places of whom `one` may meet, who have met at most so often, the most wanted first."""
        others = [other for other in free if other != one and self._met(one, other) <= most]
        if self.order[one] == _REST:
            return sorted(others, reverse=True)  # the lowest rests
        ideal = one + self._sizes[one] / 2 if one < self._begins[one] + self._sizes[one] / 2 else one

        def far(other: int) -> tuple[float, float]:
            alike = self._begins[other] == self._begins[one]
            return abs(self._scores[other] - self._scores[one]), abs(other - ideal) if alike else other

        return sorted(others, key=far)
