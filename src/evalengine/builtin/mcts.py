"""Monte Carlo tree search for any game whose position can be copied or sampled.

UCT (Kocsis and Szepesvari 2006) with random playouts. Where seats act at once each chooses for itself
(decoupled UCT: Finnsson and Bjoernsson 2008). Where something is hidden each simulation starts from a new
sample (single-observer information-set search: Cowling, Powley and Whitehouse 2012). The tree is that of the
actions alone, and each simulation plays them again from the root: so luck needs no nodes of its own.
"""

from __future__ import annotations

from math import log, sqrt
from typing import TYPE_CHECKING, Any

from evalengine import Agent
from evalengine.builtin.simple import listed

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from evalengine import Info, Observation, State

# Both in units of the span of the scores seen so far: the agent is not told their range. Chosen by matches at 25
# simulations on connect4, othello, kalah, hex and tictactoe.
_EXPLORATION = 0.5
_FIRST_PLAY = 0.7  # what an action that was never played is hoped to give above the mean of those that were
_PLAYOUT_TURNS = 400  # a playout that is not over by then counts as it stands


class _Arm:
    """One action of one seat in one node."""

    __slots__ = ("action", "total", "visits")

    def __init__(self, action: Any) -> None:
        self.action = action
        self.visits = 0
        self.total = 0.0  # of the scores of the seat that acts


class _Node:
    """What is known after a sequence of actions."""

    __slots__ = ("after", "arms")

    def __init__(self) -> None:
        self.arms: dict[int, dict[Any, _Arm]] = {}  # by seat, then by action
        self.after: dict[Any, _Node] = {}  # by the actions of the seats that act


class Mcts(Agent):
    """Do what was tried most in `simulations` playouts; ties go to the better mean, then at random."""

    __slots__ = ("_high", "_info", "_low", "_rng", "_simulations")

    def __init__(self, simulations: int = 25) -> None:
        self._simulations = simulations

    def start(self, info: Info) -> None:
        self._info = info
        self._rng = info.rng

    def act(self, observation: Observation) -> Any:
        legal = listed(observation, "mcts")
        if len(legal) == 1:
            return legal[0]
        root = _Node()
        self._low, self._high = float("inf"), float("-inf")
        position = observation.state if self._info.information == "perfect" else None
        for _ in range(self._simulations):
            self._simulate(root, position.clone() if position is not None else observation.state)
        known = root.arms[observation.seat]
        # A sample may allow what the position does not, so the arms are those of the legal actions.
        arms = [known[key] for key in _keys(legal) if key in known] or list(known.values())
        best = max((arm.visits, arm.total / arm.visits) for arm in arms)
        return self._rng.choice([arm.action for arm in arms if (arm.visits, arm.total / arm.visits) == best])

    def _simulate(self, node: _Node, state: State) -> None:
        """Play from the root: down the tree, one new arm, then at random to the end; note the scores."""
        path: list[tuple[int, _Arm]] = []
        movers = state.to_move()
        inside = True
        while inside and movers:
            actions = {}
            for seat in movers:
                arm = self._choose(node.arms.setdefault(seat, {}), state.legal(seat) or ())
                inside = inside and arm.visits > 0
                path.append((seat, arm))
                actions[seat] = arm.action
            state = state.apply(actions, self._rng)
            node = node.after.setdefault(_joint(actions), _Node())
            movers = state.to_move()
        scores = playout(state, self._rng)
        self._low, self._high = min(self._low, *scores), max(self._high, *scores)
        for seat, arm in path:
            arm.visits += 1
            arm.total += scores[seat]

    def _choose(self, arms: dict[Any, _Arm], legal: Sequence[Any]) -> _Arm:
        """Return the tried arm with the highest upper confidence bound, or an untried one while none is urgent."""
        keys = _keys(legal)
        tried = [arms[key] for key in keys if key in arms]
        if tried:
            best, urgency = self._urgent(tried)
            if urgency > 0 or len(tried) == len(keys):
                return best
        untried = [place for place, key in enumerate(keys) if key not in arms]
        place = untried[int(self._rng.random() * len(untried))]
        arm = arms[keys[place]] = _Arm(legal[place])
        return arm

    def _urgent(self, tried: Sequence[_Arm]) -> tuple[_Arm, float]:
        """Return the best arm, and by how much it is more urgent than one that was never played.

        First-play urgency (Gelly and Wang 2006): few playouts on a wide board would else try every action once
        and none twice.
        """
        span = self._high - self._low
        visits = sum([arm.visits for arm in tried])
        scale = _EXPLORATION * span * sqrt(log(visits))
        best, highest = tried[0], float("-inf")
        for arm in tried:
            bound = (arm.total + scale * sqrt(arm.visits)) / arm.visits
            if bound > highest:
                best, highest = arm, bound
        hope = sum([arm.total for arm in tried]) / visits + _FIRST_PLAY * span
        return best, highest - hope


def playout(state: State, rng: random.Random) -> Sequence[float]:
    """Return the scores after random actions from `state` on, which is used up."""
    # Nearly all of the time goes here: an index from random() is several times as fast as choice().
    draw = rng.random
    legal: Any  # listed, as the position that is searched was
    for _ in range(_PLAYOUT_TURNS):
        movers = state.to_move()
        if len(movers) == 1:
            seat = movers[0]
            legal = state.legal(seat)
            state = state.apply({seat: legal[int(draw() * len(legal))]}, rng)
        elif movers:
            actions = {}
            for seat in movers:
                legal = state.legal(seat)
                actions[seat] = legal[int(draw() * len(legal))]
            state = state.apply(actions, rng)
        else:
            break
    return state.scores()


def _keys(legal: Sequence[Any]) -> Sequence[Any]:
    """Return what stands for the actions in a dictionary: lists cannot."""
    return legal if not legal or legal[0].__hash__ else [repr(action) for action in legal]


def _joint(actions: dict[int, Any]) -> Any:
    keys = tuple(_keys(list(actions.values())))
    return keys[0] if len(keys) == 1 else keys
