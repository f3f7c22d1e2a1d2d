"""Prioritised fictitious self-play: learners meet the opponents that they have most to learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine import Contest, Plan, UsageError, stream
from evalengine.builtin.cells import check_two_sides
from evalengine.builtin.in_rounds import InRounds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalengine import Standings
    from evalengine.builtin.cells import Record

# By the learner's rate of success, as in the league of AlphaStar (Vinyals et al. 2019, Methods, "Prioritized fictitious
# self-play", and its published pseudocode).
WEIGHTINGS: Mapping[str, Callable[[float], float]] = {
    "squared": lambda rate: (1 - rate) ** 2,
    "linear": lambda rate: 1 - rate,
    "capped": lambda rate: min(0.5, 1 - rate),
    "variance": lambda rate: rate * (1 - rate),
}


class Pfsp(InRounds):
    """In each round each learner plays one rotation with an opponent drawn by how often it beats that one.

    Learners are the agents named first, all of them by default; opponents are all others, learners included. The
    payoffs behind the draw are the counts by pair that are stored with the run. Without -n and --rounds there are as
    many rounds as agents.

    Args:
        learners: how many, 0 for all;
        weighting: squared and linear prefer those who beat the learner, variance those of its own strength.
    """

    def __init__(self, plan: Plan, learners: int = 0, weighting: str = "squared") -> None:
        check_two_sides(plan, "pfsp", "take round-robin")
        self._learners = learners
        self._weight = WEIGHTINGS[weighting]
        for contest in plan.contests:
            if not self._in(contest):
                msg = f"pairing 'pfsp': none of the first {learners} agents plays {contest.ref}: change learners=..."
                raise UsageError(msg)
        super().__init__(plan)

    def _in(self, contest: Contest) -> Sequence[int]:
        return [agent for agent in contest.agents if not self._learners or agent < self._learners]

    def meetings(self, contest: Contest) -> int:
        """Return how many learners draw an opponent in a round."""
        return len(self._in(contest))

    def usual(self, contest: Contest) -> int:
        """Return about as many rounds as there are opponents."""
        return len(contest.agents)

    def meet(self, contest: Contest, round_no: int, record: Record, standings: Standings) -> Sequence[Sequence[int]]:
        """Return each learner with its opponent; two that draw each other meet twice."""
        rng = stream(self.plan.seed, "pfsp", contest.ref, round_no)
        pairs = []
        for learner in self._in(contest):
            others = [agent for agent in contest.agents if agent != learner]
            weights = [self._weight(record.rate(learner, other)) for other in others]
            # Who has nothing to learn from anybody meets all alike.
            pairs.append((learner, rng.choices(others, weights if sum(weights) > 0 else None)[0]))
        return pairs
