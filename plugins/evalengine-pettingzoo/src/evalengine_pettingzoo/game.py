"""An environment of PettingZoo as a Game. PettingZoo is imported when a game is made.

Observation: {"observation": the environment's own}; of one that has an "action_mask" beside it, without that.
Action: an int where the action space is Discrete; else what the space holds, arrays and tuples as lists.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

from evalengine import ConfigError, Game, GameError
from evalengine_pettingzoo.makers import made, maker_of, named_maker
from evalengine_pettingzoo.specs import MAKE
from evalengine_pettingzoo.table import ENVIRONMENTS

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from evalengine import GameSpec, State

_SEED_BITS = 31  # numpy and RLCard take no more
_MOST_FREE = 8  # environments that wait for another match


def __getattr__(name: str) -> Callable[..., EnvironmentGame]:
    """Return the factory of a listed game: `evalengine_pettingzoo.game:NAME`."""
    if name == MAKE:
        return MadeGame
    if name not in ENVIRONMENTS:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return functools.partial(EnvironmentGame, name)


class EnvironmentGame(Game):
    """The rules of one environment with its options.

    Attributes:
        agents: PettingZoo's names of the seats; spaces: of their actions, by seat;
        copies: whether a pickled copy of an environment goes on as the original would;
        reuses: whether its reset() is known to begin anew, so that one environment serves many matches;
        draws: whether the environment renders text.
    """

    copies: bool
    reuses = True

    def __init__(self, name: str, /, *, options: Mapping[str, Any]) -> None:
        """Make one environment, to see what it is.

        Raises:
            ConfigError: it is not installed, or refuses its options.
        """
        row = ENVIRONMENTS[name]
        self._prepare(maker_of(name), options, copies=row.copies)

    def _prepare(self, maker: Callable[..., Any], options: Mapping[str, Any], *, copies: bool) -> None:
        from pettingzoo import AECEnv, ParallelEnv

        from evalengine_pettingzoo.positions import AecPosition, ParallelPosition

        self._maker, self._options = maker, options
        self.copies = copies
        self._free: list[Any] = []
        env = self.environment()
        if not isinstance(env, AECEnv | ParallelEnv):
            msg = f"what {maker!r} makes is no environment of PettingZoo but a {type(env).__name__}"
            raise ConfigError(msg)
        self.parallel = isinstance(env, ParallelEnv)
        self.agents = _agents_of(env)
        self.seat_of = {agent: seat for seat, agent in enumerate(self.agents)}
        self.spaces = tuple(env.action_space(agent) for agent in self.agents)
        self.draws = getattr(env, "render_mode", None) == "ansi"
        kind = ParallelPosition if self.parallel else AecPosition
        self._position = kind.fitting(self.spaces)
        # Not closed: that may end pygame for whatever else plays in this process. It is as good as new.
        self._free.append(env)

    def environment(self) -> Any:
        """Return an environment that nobody uses."""
        return self._free.pop() if self._free else made(self._maker, self._options)

    def released(self, env: Any) -> None:
        """Take back an environment in which a match was played to its end."""
        if self.reuses and len(self._free) < _MOST_FREE:
            self._free.append(env)

    def initial(self, seats: int, rng: random.Random) -> State:
        if seats != len(self.agents):
            msg = f"the environment has {len(self.agents)} agents with these options, not {seats}"
            raise GameError(msg)
        return self._position.begun(self, rng.getrandbits(_SEED_BITS) if self.spec.chance else 0)

    def adapt(self, spec: GameSpec) -> GameSpec:
        seats = len(self.agents)
        return dataclasses.replace(spec, min_seats=seats, max_seats=seats, default_seats=seats)


class MadeGame(EnvironmentGame):
    """The rules of an environment that a person names."""

    reuses = False

    def __init__(
        self,
        *,
        env: str,
        options: Mapping[str, Any],
        max_turns: int,
        min_score: float,
        max_score: float,
        utility: str,
        information: str,
    ) -> None:
        """Make one environment, to see what it is.

        Raises:
            ConfigError: there is none, or it refuses its options.
        """
        maker, self._digest = named_maker(env)
        self._fields: dict[str, Any] = {
            "max_turns": max_turns,
            "min_score": float(min_score),
            "max_score": float(max_score),
            "utility": utility,
            "information": information,
        }
        self._prepare(maker, options, copies=False)

    def adapt(self, spec: GameSpec) -> GameSpec:
        version = f"{spec.version}+{self._digest}"
        adapted = dataclasses.replace(super().adapt(spec), version=version, **self._fields)
        return dataclasses.replace(adapted, dynamics="simultaneous" if self.parallel else "sequential")


def _agents_of(env: Any) -> tuple[Any, ...]:
    agents = getattr(env, "possible_agents", None)
    if not agents:
        msg = "the environment has no possible_agents, so nobody knows how many seats it has"
        raise ConfigError(msg)
    return tuple(agents)
