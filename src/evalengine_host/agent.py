"""The agent in a file: finding it, telling it of the match, asking it."""

from __future__ import annotations

import importlib.util
import inspect
import os
import random
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Mapping, Sequence

FIELDS = frozenset({"view", "legal", "seat", "turn", "game", "clock_s", "config"})
_MAX_POSITIONAL = 2  # Kaggle's agents take an observation, or an observation and a configuration


class NoAgentError(Exception):
    """A file holds nothing that can play."""


class Record:
    """A mapping whose keys are attributes too; made from the engine's message."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)

    def __getitem__(self, key: str) -> Any:
        return self.__dict__[key]

    def __contains__(self, key: object) -> bool:
        return key in self.__dict__

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of `key`, or `default`."""
        return self.__dict__.get(key, default)

    def __repr__(self) -> str:
        return repr(self.__dict__)


class Info(Record):
    """What an agent is told before a match.

    game, config, information, seat, seats, sides, seed, turn_s, match_s, past: as in `evalengine.Info`.
    """

    def remember(self, pairs: Sequence[tuple[Mapping[str, Any], Any]]) -> None:
        """Take what the agent's seat saw and did before the branch of a match."""
        fixed = {"game": self["game"], "config": self["config"], "clock_s": None}
        self.__dict__["past"] = [(Observation({**seen, **fixed}), action) for seen, action in pairs]

    @property
    def rng(self) -> random.Random:
        """The agent's own generator in this match, made of its seed."""
        if "_rng" not in self.__dict__:
            self.__dict__["_rng"] = random.Random(self.__dict__["seed"])
        made: random.Random = self.__dict__["_rng"]
        return made


class Observation(Record):
    """What an agent is asked with; falls through to a view that is a mapping."""

    def __getitem__(self, key: str) -> Any:
        return self.__dict__[key] if key in FIELDS else self.__dict__["view"][key]

    def __getattr__(self, name: str) -> Any:
        view = self.__dict__.get("view")
        if isinstance(view, dict) and name in view:
            return view[name]
        msg = f"the observation has no {name!r}; its view is {type(view).__name__}"
        raise AttributeError(msg)

    def __contains__(self, key: object) -> bool:
        view = self.__dict__["view"]
        return key in FIELDS or (isinstance(view, dict) and key in view)

    def get(self, key: str, default: Any = None) -> Any:
        """Return a field, an entry of the view, or `default`."""
        return self[key] if key in self else default  # noqa: SIM401 - this is what get() is


def load_module(path: str) -> types.ModuleType:
    """Import the file at `path`; its folder comes first on sys.path."""
    sys.path.insert(0, os.path.dirname(path))
    name = os.path.basename(path).removesuffix(".py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def find(module: types.ModuleType, wanted: str = "") -> tuple[Any, str]:
    """Return the agent of a module and how it was found: `wanted`, agent/Agent, act, else its last function.

    Raises:
        NoAgentError: there is none; the text lists what was found instead.
    """
    names = [wanted] if wanted else ["agent", "Agent", "act"]
    for name in names:
        if hasattr(module, name) and callable(getattr(module, name)) | hasattr(getattr(module, name), "act"):
            return getattr(module, name), name
    functions = [value for value in vars(module).values() if _own_function(value, module)]
    fitting = sorted((value for value in functions if _takes_observation(value)), key=_line)
    if fitting and not wanted:
        return fitting[-1], f"{fitting[-1].__name__} (its last function)"
    found = ", ".join(name for name in vars(module) if not name.startswith("__")) or "nothing"
    wish = f"has no {wanted!r}" if wanted else "has no agent: define act(observation) or class Agent"
    msg = f"{os.path.basename(module.__file__ or '')} {wish}. Found: {found}"
    raise NoAgentError(msg)


def asker(agent: Any, info: Info) -> tuple[Callable[[Observation], Any], Callable[[Record], None] | None]:
    """Start `agent` (a class, an object with `act`, or a function); return what to ask, and its `end` if it has one."""
    if inspect.isclass(agent):
        agent = agent()
    if not hasattr(agent, "act"):
        return _function(agent, info), None
    if hasattr(agent, "start"):
        agent.start(info)
    return _function(agent.act, info), getattr(agent, "end", None)


def _function(function: Callable[..., Any], info: Info) -> Callable[[Observation], Any]:
    if _positional(function) == _MAX_POSITIONAL:
        configuration = Record(info["config"])
        return lambda observation: function(observation, configuration)
    return function


def takes_one(function: Callable[..., Any]) -> bool:
    """Say whether a function takes an observation and nothing else."""
    return _positional(function) != _MAX_POSITIONAL


def _own_function(value: Any, module: types.ModuleType) -> bool:
    return inspect.isfunction(value) and value.__module__ == module.__name__


def _takes_observation(function: types.FunctionType) -> bool:
    return _positional(function) in range(1, _MAX_POSITIONAL + 1)


def _positional(function: Callable[..., Any]) -> int:
    """Return how many arguments the function takes by position, those with a default counted, as Kaggle does."""
    bound = inspect.ismethod(function)
    plain = function.__func__ if bound else function  # type: ignore[attr-defined]  # a method has one
    if inspect.isfunction(plain) and not plain.__dict__:  # as its signature says, which takes a hundred times as long
        return plain.__code__.co_argcount - bound
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    return sum(item.kind in {item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD} for item in parameters)


def _line(function: types.FunctionType) -> int:
    return function.__code__.co_firstlineno
