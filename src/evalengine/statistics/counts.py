"""Counts by class: checked, and as the mean and variance of a match's points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

SINGLE, PAIRED = 3, 5  # classes: of single matches, of rotations of two


def checked(counts: Sequence[float], classes: tuple[int, ...] = (SINGLE, PAIRED)) -> tuple[float, ...]:
    """Return the counts as they are, if they are counts.

    Raises:
        ConfigError: a wrong number of classes, or something that is no number from 0.
    """
    if len(counts) not in classes:
        told = " or ".join(map(str, classes))
        msg = (
            f"{len(counts)} counts were given: {list(counts)!r}. Give {told}: losses, draws, wins; or of rotations "
            "of two LL, LD, DD+WL, WD, WW."
        )
        raise ConfigError(msg)
    for count in counts:
        if isinstance(count, bool) or not isinstance(count, int | float) or not 0 <= count < float("inf"):
            msg = f"a count is {count!r} in {list(counts)!r}. Give whole numbers from 0."
            raise ConfigError(msg)
    return tuple(counts)


def moments(counts: Sequence[float]) -> tuple[float, float, float]:
    """Return (number, mean, variance) of the units counted; a unit's points are scaled to 0..1."""
    number = sum(counts)
    if not number:
        return 0.0, 0.5, 0.0
    top = len(counts) - 1
    mean = sum(count * point for point, count in enumerate(counts)) / (top * number)
    variance = sum(count * (point / top - mean) ** 2 for point, count in enumerate(counts)) / number
    return number, mean, variance


def matches_a_unit(counts: Sequence[float]) -> int:
    """Return how many matches one unit is made of: 1, or 2 for rotations of two."""
    return (len(counts) - 1) // 2


def between(name: str, value: float, low: float, high: float) -> float:
    """Return the value if it lies between, ends excluded.

    Raises:
        ConfigError: it does not, or is no number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not low < value < high:
        msg = f"{name} is {value!r}. Give a number above {low:g} and below {high:g}."
        raise ConfigError(msg)
    return float(value)
