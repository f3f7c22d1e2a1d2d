"""Values of games and agents as plain ones, which JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:  # noqa: PLR0911 - a line a type
    """Return `value` out of None, bool, int, float, str, list and dict alone, sharing nothing with it.

    Arrays become lists, bytes their hexadecimal digits, and numbers that JSON lacks their names ("nan", "inf").
    """
    if value is None or type(value) in (bool, int, str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else repr(float(value))
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, str):
        return str(value)
    if hasattr(value, "tolist"):  # numpy's arrays and numbers
        return plain(value.tolist())
    if isinstance(value, int):
        return int(value)
    return [plain(item) for item in value]
