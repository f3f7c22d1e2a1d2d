"""Spaces: from what an environment gives to plain values, and from an agent's plain values to what it takes."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

from evalengine import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_LISTED = 1000  # combined actions


def plain(value: Any) -> Any:
    """Return an observation or an info as msgpack has it: numbers, texts, lists, and mappings with text keys.

    Raises:
        ValueError: it holds something else.
    """
    if value is None or type(value) in {bool, int, float, str, bytes}:
        return value
    if hasattr(value, "tolist"):  # numpy's arrays and numbers
        return plain(value.tolist())
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    for kind in (int, float, str):  # their subclasses: msgpack knows none
        if isinstance(value, kind):
            return kind(value)
    raise ValueError(type(value).__name__)


def plain_info(info: Any) -> dict[str, Any]:
    """Return what of an info is plain; the rest (objects for training) is nothing for an agent."""
    found = {}
    for key, value in info.items() if isinstance(info, dict) else ():
        try:
            found[str(key)] = plain(value)
        except ValueError:
            continue
    return found


def kind_of(space: Any) -> str:
    """Return the name of a space's class that we know, "" of none."""
    known = {"Discrete", "Box", "MultiDiscrete", "MultiBinary", "Dict", "Tuple", "Text"}
    return next((kind.__name__ for kind in type(space).__mro__ if kind.__name__ in known), "")


def check(what: str, space: Any) -> None:
    """Refuse a space of actions that no plain value can be taken for.

    Raises:
        ConfigError: it is one.
    """
    kind = kind_of(space)
    if not kind:
        msg = f"{what} takes actions of {space}, which agents cannot write: wrap it with a plainer space"
        raise ConfigError(msg)
    for inner in space.spaces.values() if kind == "Dict" else space.spaces if kind == "Tuple" else ():
        check(what, inner)


def listed(space: Any) -> Sequence[Any] | None:
    """Return all actions of a space, None where they cannot be listed or are too many."""
    kind = kind_of(space)
    if kind == "Discrete":
        return range(int(space.start), int(space.start) + int(space.n))
    if kind == "MultiDiscrete" and space.nvec.ndim == 1 and math.prod(space.nvec.tolist()) <= _MOST_LISTED:
        starts = space.start.tolist()
        ranges = (range(first, first + size) for first, size in zip(starts, space.nvec.tolist(), strict=True))
        return [list(action) for action in itertools.product(*ranges)]
    if kind == "MultiBinary" and len(space.shape) == 1 and 2 ** space.shape[0] <= _MOST_LISTED:
        return [list(action) for action in itertools.product((0, 1), repeat=space.shape[0])]
    return None


def taken(space: Any, action: Any) -> Any:
    """Return a plain action as the space has it.

    Raises:
        ValueError: it is none; the text says why.
    """
    kind = kind_of(space)
    if kind == "Discrete":
        _require(type(action) is int, action, "a whole number")
        found: Any = action
    elif kind == "Text":
        _require(type(action) is str, action, "a text")
        found = action
    elif kind == "Dict":
        _require(isinstance(action, dict) and set(action) == set(space.spaces), action, f"keys {sorted(space.spaces)}")
        return {key: taken(inner, action[key]) for key, inner in space.spaces.items()}
    elif kind == "Tuple":
        many = len(space.spaces)
        _require(isinstance(action, list) and len(action) == many, action, f"a list of {many}")
        return tuple(taken(inner, part) for inner, part in zip(space.spaces, action, strict=True))
    else:
        found = _array(space, action)
    if not space.contains(found):
        msg = f"{_short(action)} is outside of {space}"
        raise ValueError(msg)
    return found


def _array(space: Any, action: Any) -> Any:
    import numpy as np

    whole = np.issubdtype(space.dtype, np.integer) or space.dtype == np.bool_
    leaves = list(_leaves(action))
    _require(isinstance(action, list) or not space.shape, action, f"lists of shape {list(space.shape)}")
    for leaf in leaves:
        fits = type(leaf) is int or (type(leaf) is float and not whole)
        _require(fits, action, f"{'whole ' * whole}numbers")
        _require(not (type(leaf) is float and not math.isfinite(leaf)), action, "finite numbers")
    try:
        found = np.array(action, dtype=np.int64 if whole else np.float64)
    except (ValueError, OverflowError):
        found = np.array(None)
    _require(found.shape == tuple(space.shape), action, f"lists of shape {list(space.shape)}")
    if whole:  # before it is narrowed: 300 is no 44 in eight bits
        limits = np.iinfo(space.dtype) if space.dtype != np.bool_ else np.iinfo(np.uint8)
        _require(bool(((found >= limits.min) & (found <= limits.max)).all()), action, f"numbers of {space}")
    return found.astype(space.dtype)


def _leaves(action: Any) -> Any:
    if isinstance(action, list):
        for inner in action:
            yield from _leaves(inner)
    else:
        yield action


def _require(holds: bool, action: Any, wanted: str) -> None:  # noqa: FBT001 - what is asserted
    if not holds:
        msg = f"{_short(action)} is not {wanted}"
        raise ValueError(msg)


def _short(action: Any) -> str:
    text = repr(action)
    return text if len(text) < 60 else f"{text[:57]}..."  # noqa: PLR2004 - a line for people
