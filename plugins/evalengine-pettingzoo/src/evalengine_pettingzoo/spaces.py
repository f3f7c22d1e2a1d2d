"""What travels to and from an agent, between msgpack's types and those of Gymnasium's spaces."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from gymnasium import spaces

_MOST_LISTED = 1000
_MISFITS = (TypeError, ValueError, OverflowError, RecursionError)


def plain(value: Any) -> Any:
    """Return an observation as a view may hold it: scalars as numbers, arrays as copies, tuples as lists."""
    if isinstance(value, np.ndarray):
        return value.item() if value.ndim == 0 else value.tolist() if value.dtype.hasobject else value.copy()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def is_plain(space: Any) -> bool:
    """Say whether a space's elements are whole numbers, which need no translation."""
    return isinstance(space, spaces.Discrete)


def lists(value: Any) -> Any:
    """Return an element of a space as an agent gives it: as `plain`, but arrays as lists."""
    value = plain(value)
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: lists(one) for key, one in value.items()}
    return [lists(one) for one in value] if isinstance(value, list) else value


def legal_of(space: Any, mask: Any) -> tuple[Any, ...] | None:
    """Return the actions that a mask leaves of a space, all without one; None where they cannot be listed.

    Of spaces of several whole numbers, those with few elements are listed, as lists; there a mask is not looked at.
    """
    if isinstance(space, spaces.MultiDiscrete | spaces.MultiBinary):
        return _combinations(space)
    if not isinstance(space, spaces.Discrete):
        return None
    start = int(space.start)
    if mask is None:
        return tuple(range(start, start + int(space.n)))
    return tuple(start + int(place) for place in np.flatnonzero(mask))


def _combinations(space: Any) -> tuple[list[int], ...] | None:
    if len(space.shape) != 1:
        return None
    if isinstance(space, spaces.MultiBinary):
        ranges = [range(2)] * space.shape[0]
    else:
        ranges = [
            range(first, first + count) for first, count in zip(lists(space.start), lists(space.nvec), strict=True)
        ]
    if math.prod(map(len, ranges)) > _MOST_LISTED:
        return None
    return tuple(map(list, itertools.product(*ranges)))


def action_in(space: Any, action: Any) -> Any:
    """Return an agent's action as an element of `space`.

    Raises:
        ValueError: it is none.
    """
    try:
        value = _element(space, action)
    except _MISFITS:
        value = None
    if value is None or not space.contains(value):
        msg = f"not in {space}"
        raise ValueError(msg)
    return value


def _element(space: Any, action: Any) -> Any:
    if isinstance(space, spaces.Box | spaces.MultiDiscrete | spaces.MultiBinary):
        return _array(action, space.dtype)
    if isinstance(space, spaces.Tuple):
        return tuple(action_in(one, part) for one, part in zip(space.spaces, action, strict=True))
    if isinstance(space, spaces.Dict):
        if set(action) != set(space.spaces):
            return None
        return {key: action_in(one, action[key]) for key, one in space.spaces.items()}
    return action if type(action) in {int, str} else None


def _array(action: Any, dtype: Any) -> Any:
    """Return lists of numbers as an array; whole numbers where the space has whole ones."""
    array = np.asarray(action)
    if not isinstance(action, list | tuple | int | float | np.ndarray):
        return None
    return array.astype(dtype) if array.dtype.kind in ("iu" if np.dtype(dtype).kind in "iu" else "iuf") else None
