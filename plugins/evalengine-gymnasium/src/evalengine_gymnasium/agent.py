"""An agent that samples the space of actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine import Agent, load_game
from evalengine_gymnasium import spaces

if TYPE_CHECKING:
    from evalengine import Info, Observation


class Sampler(Agent):
    """Samples the environment's space of actions, seeded by the match."""

    _space: Any = None

    def start(self, info: Info) -> None:
        self._seed = info.seed

    def act(self, observation: Observation) -> Any:
        if self._space is None:
            game: Any = load_game(observation.game, **observation.config)
            self._space = game.make().action_space
            self._space.seed(self._seed & 0x7FFF_FFFF)
        return spaces.plain(self._space.sample())
