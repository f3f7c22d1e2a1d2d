"""From what a person writes, `hex(size=5)`, to the thing itself; and what to say of a wrong name or configuration."""

from __future__ import annotations

import ast
import difflib
import importlib
import re
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from evalengine.contracts import Game
from evalengine.errors import ConfigError, PluginError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evalengine.model import GameSpec, Parameters


class _Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=_Named)


def one_line(error: BaseException) -> str:
    """Return an exception as one line: its type and the first line of its text."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def find(kind: str, name: str, known: Mapping[str, T], see: str = "") -> T:
    """Return what is registered as `name`.

    Raises:
        UnknownNameError: nothing is; the text suggests a near name.
    """
    if name in known:
        return known[name]
    raise unknown(kind, name, known, see)


def unknown(kind: str, name: str, known: Iterable[str], see: str = "") -> UnknownNameError:
    """Return the error for a name that nobody registered, with a near one."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    hint = f' Did you mean "{near[0]}"?' if near else ""
    return UnknownNameError(f'no {kind} "{name}".{hint}{" See: " + see if see else ""}')


# ------------------------------------------------------------------------------- games by reference

_REFERENCE = re.compile(r"(?P<name>[^()\s]+)(?:\((?P<config>.*)\))?", re.DOTALL)


def split_reference(ref: str) -> tuple[str, dict[str, Any]]:
    """Return name and configuration of `hex(size=5)`; values are Python literals, or bare words as text.

    Raises:
        ConfigError: the parentheses do not hold `key=value, ...`.
    """
    found = _REFERENCE.fullmatch(ref.strip())
    if found is None:
        msg = f"{ref!r} is not a name or NAME(key=value, ...)"
        raise ConfigError(msg)
    return found["name"], _parse_config(ref, found["config"])


def _parse_config(ref: str, text: str | None) -> dict[str, Any]:
    if not text or not text.strip():
        return {}
    try:
        return _keywords(ast.parse(f"f({text})", mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        msg = f"{ref!r}: write the configuration as key=value, ... with numbers, True, False or words"
        raise ConfigError(msg) from None


def _keywords(call: ast.expr) -> dict[str, Any]:
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
        raise ValueError(ast.dump(call))
    found = {str(keyword.arg): _literal(keyword.value) for keyword in call.keywords if keyword.arg is not None}
    if len(found) < len(call.keywords):
        raise ValueError(ast.dump(call))  # one twice, or **
    return found


def _literal(node: ast.expr) -> Any:
    return node.id if isinstance(node, ast.Name) else ast.literal_eval(node)


_TYPES: Mapping[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}


def configured(what: str, parameters: Parameters, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return every parameter with its value: from `config`, else its default.

    Raises:
        ConfigError: a value is unknown, of the wrong type or out of range.
    """
    for key in config:
        if key not in parameters:
            error = unknown(f"parameter of {what}", key, parameters)
            takes = ", ".join(f"{name}={schema.get('default')!r}" for name, schema in parameters.items())
            msg = f"{error} It takes: {takes or 'none'}"
            raise ConfigError(msg)
    missing = [name for name, schema in parameters.items() if name not in config and "default" not in schema]
    if missing:
        msg = f"{what}: {missing[0]} must be given"
        raise ConfigError(msg)
    return {
        name: _checked(what, name, config[name], schema) if name in config else schema["default"]
        for name, schema in parameters.items()
    }


def _checked(what: str, name: str, value: Any, schema: Mapping[str, Any]) -> Any:
    wanted = str(schema.get("type", ""))
    types = _TYPES.get(wanted, (object,))
    fits = isinstance(value, types) and (isinstance(value, bool) is False or bool in types or object in types)
    low, high = schema.get("minimum"), schema.get("maximum")
    # Not `value < low`: that does not hold for nan either.
    within = fits and (low is None or value >= low) and (high is None or value <= high)
    if not fits:
        msg = f"{what}: {name} must be of type {wanted}, not {value!r}"
    elif not within:
        msg = f"{what}: {name} must be {_span(low, high)}, not {value!r}"
    elif "enum" in schema and value not in schema["enum"]:
        msg = f"{what}: {name} must be one of {', '.join(map(repr, schema['enum']))}, not {value!r}"
    else:
        return value
    raise ConfigError(msg)


def _span(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"from {low} to {high}"
    return f"at least {low}" if high is None else f"at most {high}"


def build_game(spec: GameSpec, config: Mapping[str, Any]) -> Game:
    """Return the game of `spec` with `config`, its `spec` adapted to it.

    Raises:
        ConfigError: a parameter is wrong; PluginError: its factory cannot be imported or makes something else.
    """
    whole = configured(f"game {spec.name!r}", spec.config, config)
    game = imported(spec.factory, f"game {spec.name!r}")(**whole)
    if not isinstance(game, Game):
        msg = f"game {spec.name!r}: its factory {spec.factory!r} makes a {type(game).__name__}, not a Game"
        raise PluginError(msg)
    game.config = whole
    game.spec = spec
    game.spec = game.adapt(spec)
    return game


def imported(factory: str, what: str) -> Any:
    """Return the object that "package.module:Name" stands for.

    Raises:
        PluginError: it cannot be imported.
    """
    module, _, name = factory.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:
        msg = f"{what}: its factory {factory!r} cannot be imported: {one_line(error)}"
        raise PluginError(msg) from error
