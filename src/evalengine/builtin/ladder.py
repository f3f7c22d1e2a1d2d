"""Ladder: neighbours of the board meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine import Contest, Plan, UsageError
from evalengine.builtin.cells import TWO
from evalengine.builtin.in_rounds import InRounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import Standings
    from evalengine.builtin.cells import Record


class Ladder(InRounds):
    """In even rounds places 1 and 2 of the board meet, 3 and 4, ...; in odd ones 2 and 3, 4 and 5, ..., and 1 the last.

    For games of n sides n neighbours meet, and each round begins one place further down. Before the first match the
    board is the order in which agents are named. Whoever is left over rests. Without -n and --rounds there are as many
    rounds as agents.
    """

    def __init__(self, plan: Plan) -> None:
        for contest in plan.contests:
            if len(contest.sides) < TWO:
                msg = f"pairing 'ladder': in {contest.ref} nobody meets anybody: take round-robin"
                raise UsageError(msg)
        super().__init__(plan)

    def meetings(self, contest: Contest) -> int:
        """Return how many groups of neighbours there are."""
        return len(contest.agents) // len(contest.sides)

    def usual(self, contest: Contest) -> int:
        """Return as many rounds as it takes from the last place to the first."""
        return len(contest.agents)

    def meet(self, contest: Contest, round_no: int, record: Record, standings: Standings) -> Sequence[Sequence[int]]:
        """Return neighbours of the board."""
        places = {agent: place for place, agent in enumerate(standings.agents)} if standings else {}
        order = sorted(contest.agents, key=lambda agent: (places.get(agent, len(places)), agent))
        sides, meetings = len(contest.sides), self.meetings(contest)
        rest = len(order) - sides * meetings
        played = {agent: record.played(agent) for agent in order}
        # Who rests has played most; so everybody rests in turn.
        resting = set(sorted(order, key=lambda agent: (-played[agent], -order.index(agent)))[:rest])
        order = [agent for agent in order if agent not in resting]
        shift = round_no % sides
        order = order[shift:] + order[:shift]
        return [order[sides * group : sides * (group + 1)] for group in range(meetings)]
