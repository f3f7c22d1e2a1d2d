"""An agent that samples spaces of actions."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from evalengine import Agent, load_game
from evalengine_pettingzoo.spaces import lists

if TYPE_CHECKING:
    from evalengine import Info, Observation


class Sampler(Agent):
    """Draws from the legal actions where they are listed, else from the space of the seat's actions."""

    _space: Any = None

    def start(self, info: Info) -> None:
        self._rng = info.rng

    def act(self, observation: Observation) -> Any:
        if observation.legal is not None:
            return self._rng.choice(observation.legal)
        if self._space is None:
            self._space = _space_of(observation)
            self._space.seed(self._rng.getrandbits(31))
        return lists(self._space.sample())


_spaces: dict[str, tuple[Any, ...]] = {}
"""The spaces of games by name and parameters: to make an environment takes as long as a short match."""


def _space_of(observation: Observation) -> Any:
    key = f"{observation.game}{sorted(observation.config.items())!r}"
    if key not in _spaces:
        game: Any = load_game(observation.game, **observation.config)
        _spaces[key] = game.spaces
    return copy.deepcopy(_spaces[key][observation.seat])  # it keeps a generator
