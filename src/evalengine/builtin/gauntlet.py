"""Gauntlet: some challengers meet all others; the others do not meet one another."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evalengine import ConfigError, Contest, Plan
from evalengine.builtin.round_robin import RoundRobin

if TYPE_CHECKING:
    from collections.abc import Sequence


class Gauntlet(RoundRobin):
    """One round of the cells of a challenger and another agent, with the seeds and openings of round-robin.

    Args:
        challengers: how many; the first agents of the run, in the order in which they were named.

    Raises:
        ConfigError: a game has not two sides, or there is no challenger, or nobody else, in it.
    """

    def __init__(self, plan: Plan, challengers: int = 1) -> None:
        if type(challengers) is not int or challengers < 1:
            msg = f"pairing 'gauntlet': challengers must be a whole number from 1, not {challengers!r}"
            raise ConfigError(msg)
        self._challengers = challengers
        for contest in plan.contests:
            self._check(contest)
        super().__init__(plan)

    def _check(self, contest: Contest) -> None:
        if len(contest.sides) != 2:  # noqa: PLR2004 - a challenger and its opponent
            msg = f"pairing 'gauntlet' is for two sides; {contest.ref} has {len(contest.sides)}: take round-robin"
            raise ConfigError(msg)
        several = self._in(contest)
        if not 0 < several < len(contest.agents):
            msg = (
                f"pairing 'gauntlet': {several} of the {len(contest.agents)} agents that fit {contest.ref} are "
                "challengers: name at least one of them first, and at least one other agent"
            )
            raise ConfigError(msg)

    def _in(self, contest: Contest) -> int:
        """Return how many challengers play a game; its agents ascend, so these are the first of them."""
        return sum(agent < self._challengers for agent in contest.agents)

    def cells_in(self, contest: Contest) -> int:
        several = self._in(contest)
        return several * (len(contest.agents) - several)

    def members(self, contest: Contest, cell: int) -> Sequence[int]:
        several = self._in(contest)
        others = len(contest.agents) - several
        # Both numbers go round at once, one step further after each common period: all pairs, every prefix balanced.
        other = several + (cell + cell // math.lcm(several, others)) % others
        pair = (cell % several, other)
        # The block begins every other cell with the second order; each challenger must alternate over its own cells.
        return pair if (cell // several + cell) % 2 == 0 else pair[::-1]
