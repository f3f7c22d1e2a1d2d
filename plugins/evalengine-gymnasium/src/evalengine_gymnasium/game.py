"""An environment as a Game of one seat. gymnasium is imported when a game is made.

Observation: {"observation": ..., "reward": float, "info": {...}}, the last two of the last step, 0.0 and reset's before
the first. Action: int, list of numbers, mapping or text, as the environment's space has it. Score: the sum of rewards.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import json
import math
import re
import sys
from typing import TYPE_CHECKING, Any

from evalengine import ConfigError, Game, GameError, State
from evalengine_gymnasium import spaces
from evalengine_gymnasium.listing import LISTED, MAKE, PREFIX

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence

    from evalengine import GameSpec

_SEED_BITS = 31  # some environments take no more
_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")  # colours of texts that are written for terminals
_PROBES = 3  # steps of a copy, before copies are believed in
_UNLIMITED = 1000


def __getattr__(name: str) -> Callable[..., Environment]:
    """Return the factory of a listed game: `evalengine_gymnasium.game:NAME`."""
    if name == MAKE:
        return _made
    if name not in LISTED:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return functools.partial(Environment, name)


def _made(**config: Any) -> Environment:
    """Return the game of any environment.

    Raises:
        ConfigError: its parameters are no JSON object, or Gymnasium does not make it.
    """
    try:
        arguments = json.loads(config["kwargs"])
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        msg = f"game 'gymnasium:make': kwargs must be a JSON object, not {config['kwargs']!r}"
        raise ConfigError(msg)
    if not config["min_score"] <= config["max_score"] or not math.isfinite(config["max_score"] - config["min_score"]):
        msg = f"game 'gymnasium:make': {config['min_score']} to {config['max_score']} are no finite range of scores"
        raise ConfigError(msg)
    return Environment(config["id"], **arguments)


class Environment(Game):
    """The rules of one environment with its arguments."""

    def __init__(self, name: str, /, **arguments: Any) -> None:
        """Make it once.

        Raises:
            ConfigError: Gymnasium does not make it, or agents cannot write its actions.
        """
        self.name = name
        self._arguments = arguments
        self._copies: bool | None = None  # whether copies are what they should be; None: not tried
        self._modes: Sequence[str] = ()
        first = self.make()
        self.spec_of_env = first.spec
        self._modes = (first.metadata or {}).get("render_modes", ())
        spaces.check(f"{PREFIX}{name}", first.action_space)
        self.actions = spaces.listed(first.action_space)
        first.close()

    def make(self) -> Any:
        """Return a new environment, whose steps are not limited: the match counts them.

        Raises:
            ConfigError: Gymnasium does not make it.
        """
        import gymnasium

        more = {"render_mode": "ansi"} if "ansi" in self._modes else {}
        try:
            return gymnasium.make(self.name, disable_env_checker=True, max_episode_steps=-1, **more, **self._arguments)
        except Exception as error:
            told = (str(error).strip().splitlines() or [type(error).__name__])[0]
            msg = f"game '{PREFIX}{self.name}' cannot be made: {told}"
            raise ConfigError(msg) from error

    def initial(self, seats: int, rng: random.Random) -> Position:
        return Position(self, rng.getrandbits(_SEED_BITS))

    def adapt(self, spec: GameSpec) -> GameSpec:
        version = f"{spec.version}+{_version_of(self.spec_of_env)}".removesuffix("+")
        if spec.name != PREFIX + MAKE:
            return dataclasses.replace(spec, version=version)
        own: Mapping[str, Any] = self.config
        turns = own["turns"] or _own_limit(self.spec_of_env) or _UNLIMITED
        low, high = float(own["min_score"]), float(own["max_score"])
        return dataclasses.replace(spec, version=version, max_turns=turns, min_score=low, max_score=high)

    def copies(self) -> bool:
        """Say whether a deep copy of an environment goes its own way, as the original would: tried once."""
        if self._copies is None:
            self._copies = self._probed()
        return self._copies

    def _probed(self) -> bool:
        ahead = self.make()
        ahead.reset(seed=1)
        ahead.action_space.seed(1)
        actions = [ahead.action_space.sample() for _ in range(_PROBES)]
        try:
            copied = copy.deepcopy(ahead)
            return _steps(copied, actions) == _steps(ahead, actions)  # one after the other: nothing may be shared
        except Exception:  # noqa: BLE001 - whatever an environment has inside that cannot be copied
            return False


def _steps(env: Any, actions: Sequence[Any]) -> list[Any]:
    found = []
    for action in actions:
        observation, reward, ended, cut, _ = env.step(action)
        found.append(spaces.plain([observation, reward, ended, cut]))
        if ended or cut:
            break
    return found


def _own_limit(spec: Any) -> int:
    """Return the environment's own limit of steps, 0 without one."""
    import gymnasium

    registered = gymnasium.registry.get(spec.id)
    return int((registered.max_episode_steps if registered else None) or 0)


def _version_of(spec: Any) -> str:
    """Return the version of the library that an environment comes from, "" of Gymnasium's own."""
    entry = spec.entry_point
    module = entry.partition(":")[0] if isinstance(entry, str) else getattr(entry, "__module__", "")
    library = module.partition(".")[0]
    return "" if library == "gymnasium" else f"{library}-{getattr(sys.modules.get(library), '__version__', '')}"


class Position(State):
    """An environment under way; changes itself."""

    __slots__ = ("_actions", "_env", "_game", "_over", "_seed", "_shown", "_total")

    def __init__(self, game: Environment, seed: int) -> None:
        self._game = game
        self._seed = seed
        self._actions: list[Any] = []
        self._total = 0.0
        self._over = ""  # "terminated" or "truncated"
        self._env = game.make()
        observation, info = self._called("reset", seed=seed)
        self._show(observation, 0.0, info)

    def to_move(self) -> Sequence[int]:
        return () if self._over else (0,)

    def view(self, seat: int) -> Any:
        return copy.deepcopy(self._shown)  # an agent in this process may change what it is given

    def legal(self, seat: int) -> Sequence[Any] | None:
        return () if self._over else self._game.actions

    def refuse(self, seat: int, action: Any) -> str | None:
        try:
            spaces.taken(self._env.action_space, action)
        except ValueError as error:
            return str(error)
        return None

    def apply(self, actions: Mapping[int, Any], rng: random.Random) -> Position:
        action = actions[0]
        observation, reward, ended, cut, info = self._called("step", spaces.taken(self._env.action_space, action))
        reward = self._number(reward)
        self._actions.append(action)
        self._total += reward
        self._over = "terminated" if ended else "truncated" if cut else ""
        self._show(observation, reward, info)
        return self

    def scores(self) -> tuple[float, ...]:
        return (self._total,)

    def rewards(self) -> tuple[float, ...]:
        return (float(self._shown["reward"]),)

    def clone(self) -> Position:
        """Return a copy that goes its own way: of the environment where that works, else one that did the same."""
        if not self._game.copies():
            return self._again()
        made = Position.__new__(Position)
        own = {"_actions": list(self._actions), "_shown": copy.deepcopy(self._shown), "_env": copy.deepcopy(self._env)}
        for name in Position.__slots__:
            setattr(made, name, own.get(name, getattr(self, name)))
        return made

    def _again(self) -> Position:
        made = Position(self._game, self._seed)
        for action in self._actions:
            made.apply({0: action}, None)  # type: ignore[arg-type]  # its luck is its own
        return made

    def render(self, seat: int | None = None) -> str:
        head = f"step {len(self._actions)}, score {self._total:g}, last reward {self._shown['reward']:g}"
        text = self._env.render() if self._env.render_mode == "ansi" else None
        shown = _CONTROL.sub("", text).strip("\n") if isinstance(text, str) else str(self._shown["observation"])
        return f"{head}{', ' * bool(self._over)}{self._over}\n{shown}"

    def _called(self, method: str, *arguments: Any, **more: Any) -> Any:
        """Call the environment.

        Raises:
            GameError: it failed; its match is void with this reason.
        """
        try:
            return getattr(self._env, method)(*arguments, **more)
        except Exception as error:
            given = ", ".join([*map(repr, arguments), *(f"{key}={value}" for key, value in more.items())])
            step = len(self._actions)
            msg = f"{PREFIX}{self._game.name}: {method}({given}) failed in step {step}: {type(error).__name__}: {error}"
            raise GameError(msg) from error

    def _number(self, reward: Any) -> float:
        try:
            number = float(reward)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            msg = f"{PREFIX}{self._game.name}: the reward of step {len(self._actions)} is no finite number: {reward!r}"
            raise GameError(msg)
        return number

    def _show(self, observation: Any, reward: float, info: Any) -> None:
        try:
            seen = spaces.plain(observation)
        except ValueError as error:
            msg = f"{PREFIX}{self._game.name}: its observation holds a {error}, which no agent can be shown"
            raise GameError(msg) from None
        self._shown = {"observation": seen, "reward": reward, "info": spaces.plain_info(info)}
