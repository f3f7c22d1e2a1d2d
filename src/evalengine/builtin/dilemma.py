"""Classic strategies of the repeated prisoner's dilemma (Axelrod 1984)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine import Agent

if TYPE_CHECKING:
    from evalengine import Observation

COOPERATE, DEFECT = 0, 1


class TitForTat(Agent):
    """Cooperate first, then do what the other did last."""

    __slots__ = ()

    def act(self, observation: Observation) -> int:
        theirs = observation["theirs"]
        return int(theirs[-1]) if theirs else COOPERATE


class AlwaysCooperate(Agent):
    """Cooperate."""

    __slots__ = ()

    def act(self, observation: Observation) -> int:
        return COOPERATE


class AlwaysDefect(Agent):
    """Defect."""

    __slots__ = ()

    def act(self, observation: Observation) -> int:
        return DEFECT
