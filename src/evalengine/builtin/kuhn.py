"""An equilibrium of Kuhn poker (Kuhn 1950, "A simplified two-person poker"): the family of the first seat, by alpha."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine import Agent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import Info, Observation

PASS, BET = 0, 1


class Equilibrium(Agent):
    """Play Kuhn's equilibrium; the first seat bets the lowest card with probability `alpha`, 0..1/3."""

    __slots__ = ("_alpha", "_info")

    def __init__(self, alpha: float = 0.2) -> None:
        self._alpha = alpha

    def start(self, info: Info) -> None:
        self._info = info

    def act(self, observation: Observation) -> int:
        chance = bet_probability(observation["card"], observation["actions"], self._alpha)
        if 0 < chance < 1:
            return BET if self._info.rng.random() < chance else PASS
        return BET if chance else PASS


def bet_probability(card: int, actions: Sequence[int], alpha: float) -> float:
    """Return how often to bet (or call) with `card`, 0 the lowest to 2, after `actions`.

    Source: Kuhn 1950; the same numbers by situation in Neller and Lanctot 2013, "An introduction to
    counterfactual regret minimization".
    """
    lowest, middle, highest = {
        (): (alpha, 0.0, 3 * alpha),  # the first seat opens
        (PASS,): (1 / 3, 0.0, 1.0),  # the second seat after a pass
        (BET,): (0.0, 1 / 3, 1.0),  # the second seat calls a bet
        (PASS, BET): (0.0, alpha + 1 / 3, 1.0),  # the first seat calls after its pass
    }[tuple(actions)]
    return (lowest, middle, highest)[card]
