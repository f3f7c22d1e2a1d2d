"""Agents that look one action ahead at most: random, first, greedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine import Agent, AgentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import Info, Observation, State


def listed(observation: Observation, agent: str) -> Sequence[Any]:
    """Return the legal actions.

    Raises:
        AgentError: the game does not list them.
    """
    legal = observation.legal
    if legal is None:
        msg = f"agent {agent!r} needs the legal actions, but game {observation.game!r} does not list them"
        raise AgentError(msg)
    return legal


class Random(Agent):
    """Draw each action evenly from the legal ones."""

    __slots__ = ("_x",)

    def start(self, info: Info) -> None:
        self._x = info.seed

    def act(self, observation: Observation) -> Any:
        # A 64-bit linear congruential generator (Knuth, MMIX): one step costs less than one call of
        # random.Random, and seeding it nothing. Its high bits are the good ones.
        self._x = x = (self._x * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        legal = observation.legal
        if legal is None:
            legal = listed(observation, "random")
        return legal[(x >> 33) * len(legal) >> 31]


class First(Agent):
    """Do the first legal action."""

    __slots__ = ()

    def act(self, observation: Observation) -> Any:
        return listed(observation, "first")[0]


class Greedy(Agent):
    """Do what gives the best own score right after it; ties are broken at random."""

    __slots__ = ("_info",)

    def start(self, info: Info) -> None:
        self._info = info

    def act(self, observation: Observation) -> Any:
        legal = listed(observation, "greedy")
        if len(legal) == 1:
            return legal[0]
        state, seat, rng = observation.state, observation.seat, self._info.rng
        actions = self._others(state, seat)
        best: list[Any] = []
        highest = float("-inf")
        for action in legal:
            score = state.clone().apply({**actions, seat: action}, rng).scores()[seat]
            if score > highest:
                best, highest = [action], score
            elif score == highest:
                best.append(action)
        return rng.choice(best)

    def _others(self, state: State, seat: int) -> dict[int, Any]:
        """Guess what the seats that act at the same time do."""
        choices = {other: state.legal(other) for other in state.to_move() if other != seat}
        return {other: self._info.rng.choice(legal) for other, legal in choices.items() if legal}
