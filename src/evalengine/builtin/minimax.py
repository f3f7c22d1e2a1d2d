"""Minimax to a fixed depth, pruned by alpha-beta (Knuth and Moore 1975)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine import Agent
from evalengine.builtin.simple import listed

if TYPE_CHECKING:
    from evalengine import Info, Observation, State

# An ending counts a little more for each action that it comes before the horizon: quick wins, late losses.
_HASTE = 2.0**-20
_INFINITY = float("inf")


class Minimax(Agent):
    """Search `depth` actions ahead, with the game's scores at the leaves; ties are broken at random."""

    __slots__ = ("_depth", "_rng", "_seat")

    def __init__(self, depth: int = 2) -> None:
        self._depth = depth

    def start(self, info: Info) -> None:
        self._rng = info.rng
        self._seat = info.seat

    def act(self, observation: Observation) -> Any:
        legal = list(listed(observation, "minimax"))
        best = legal[0]
        if len(legal) == 1:
            return best
        # In a random order the first of the best is a fair draw among them, although pruning
        # leaves the exact values of the later ones unknown.
        self._rng.shuffle(legal)
        state, seat, rng = observation.state, self._seat, self._rng
        highest = -_INFINITY
        for action in legal:
            after = state.clone().apply({seat: action}, rng)
            value = self._value(after, self._depth - 1, highest, _INFINITY)
            if value > highest:
                best, highest = action, value
        return best

    def _value(self, state: State, depth: int, alpha: float, beta: float) -> float:
        """Return what `state` is worth to the agent: exact between alpha and beta, else the bound it passed."""
        if depth == 0:
            return state.scores()[self._seat]
        movers = state.to_move()
        if not movers:
            return state.scores()[self._seat] * (1 + depth * _HASTE)
        (mover,) = movers
        legal = state.legal(mover) or ()
        if mover == self._seat:
            for action in legal:
                value = self._value(state.clone().apply({mover: action}, self._rng), depth - 1, alpha, beta)
                if value > alpha:
                    if value >= beta:
                        return beta
                    alpha = value
            return alpha
        for action in legal:
            value = self._value(state.clone().apply({mover: action}, self._rng), depth - 1, alpha, beta)
            if value < beta:
                if value <= alpha:
                    return alpha
                beta = value
        return beta
