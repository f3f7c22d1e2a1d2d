"""Agents that look one action ahead at most: random, first, greedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine import Agent, AgentError, Fault, FaultKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import Info, Observation, State


_64_BITS = (1 << 64) - 1
_SPENT = 1 << 40  # below it, what is left of a drawn number is too little to draw evenly from


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

    __slots__ = ("_seed", "_x")

    def start(self, info: Info) -> None:
        self._seed = self._x = info.seed

    def act(self, observation: Observation) -> Any:
        legal = observation.legal
        if legal is None:
            legal = listed(observation, "random")
        # The digits of a number of 63 bits, taken while enough of it is left to draw evenly: a draw costs less than a
        # call of random.Random, and seeding it nothing.
        if self._x < _SPENT:
            self._seed = (self._seed + 0x9E3779B97F4A7C15) & _64_BITS
            self._x = _mixed(self._seed) >> 1
        self._x, place = divmod(self._x, len(legal))
        return legal[place]


def _mixed(z: int) -> int:
    """Return 64 bits that all depend on all of `z` (SplitMix64: Steele, Lea and Flood 2014, figure 17)."""
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & _64_BITS
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & _64_BITS
    return z ^ z >> 31


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


class Forfeit(Agent):
    """Stand in for a submission that cannot be played, and lose for its reason."""

    def __init__(self, reason: str) -> None:
        line = "".join(c if c.isprintable() else " " for c in reason.partition("\n")[0])
        self._fault = Fault(FaultKind.CRASH.value, f"cannot be played: {line}"[:200], reason)

    def act(self, observation: Observation) -> Any:
        return self._fault
