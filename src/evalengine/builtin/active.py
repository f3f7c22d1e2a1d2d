"""Active: in each round those meet whose result tells most."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evalengine import Contest, Plan, stream
from evalengine.builtin.cells import check_two_sides
from evalengine.builtin.in_rounds import InRounds
from evalengine.builtin.strengths import strengths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import Standings
    from evalengine.builtin.cells import Record


class Active(InRounds):
    """Pairs by information gain: everybody plays one rotation a round, with whom the result is least certain.

    What a match of two agents tells is log(1 + p (1 - p) Var(difference)), up to a half: p is what the first is
    expected to score, p (1 - p) the information of one result on the difference of strengths, Var what is not known of
    it yet (MacKay 1992, Information-based objective functions, eq. 4.2, for one logistic measurement). Strengths are
    fitted to all results so far, whatever the run is rated by. Without -n and --rounds there are as many rounds as
    agents.
    """

    def __init__(self, plan: Plan) -> None:
        check_two_sides(plan, "active", "take round-robin or ladder")
        super().__init__(plan)

    def meetings(self, contest: Contest) -> int:
        """Return how many pairs meet in a round."""
        return len(contest.agents) // 2

    def usual(self, contest: Contest) -> int:
        """Return as many rounds as a round-robin has."""
        return len(contest.agents)

    def meet(self, contest: Contest, round_no: int, record: Record, standings: Standings) -> Sequence[Sequence[int]]:
        """Return the pairs that tell most, each agent in one."""
        agents = list(contest.agents)
        stream(self.plan.seed, "active", contest.ref, round_no).shuffle(agents)  # who is first among equals
        if len(agents) % 2:  # who has played most rests
            agents.remove(max(agents, key=record.played))
        known = strengths(contest.agents, record)
        gains = [
            (-_gain(known[one], known[other]), place, further)
            for place, one in enumerate(agents)
            for further, other in enumerate(agents[:place])
        ]
        free, pairs = set(agents), []
        for _, place, further in sorted(gains):
            one, other = agents[place], agents[further]
            if one in free and other in free:
                free -= {one, other}
                pairs.append((min(one, other), max(one, other)))
        return pairs


def _gain(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return what a match of two agents tells, each as (strength, variance)."""
    p = 0.5 + 0.5 * math.tanh((one[0] - other[0]) / 2)
    return math.log1p(p * (1 - p) * (one[1] + other[1]))
