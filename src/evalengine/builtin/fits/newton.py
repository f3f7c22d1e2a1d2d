"""The maximum of a concave log-likelihood, by Newton's method with halved steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine.builtin.fits.matrices import NotPositiveError, solve

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalengine.builtin.fits.matrices import Matrix, Vector

    Evaluate = Callable[[Vector], tuple[float, Vector, Matrix]]
    """From parameters to log-likelihood, its gradient, and its negative second derivatives."""

_STEPS = 100
_HALVINGS = 40
_CLOSE = 1e-11  # the largest change of a parameter in the last step; convergence is quadratic
_NEAR = 1e-7
_FAR = 2.0  # the most that a parameter moves in one step: beyond, the quadratic model is no guide
_LOST = 60.0  # no parameter of a maximum that exists lies so far out


class NoMaximumError(ArithmeticError):
    """The likelihood rises without end."""


def maximise(evaluate: Evaluate, start: Vector) -> Vector:
    """Return where the log-likelihood is largest.

    Raises:
        NoMaximumError: nowhere, as far as can be told.
    """
    place = list(start)
    value, slope, bend = evaluate(place)
    largest = 0.0
    for _ in range(_STEPS):
        try:
            step = solve(bend, slope)
        except NotPositiveError:
            raise NoMaximumError from None
        largest = max(map(abs, step), default=0.0)
        if not largest < float("inf"):
            raise NoMaximumError
        share = min(1.0, _FAR / largest) if largest else 1.0
        place, value, slope, bend = _step(evaluate, (place, value), step, share)
        if largest * share < _CLOSE:
            return place
        if max(map(abs, place)) > _LOST:
            raise NoMaximumError
    if largest < _NEAR:  # rounding keeps it from coming closer
        return place
    raise NoMaximumError


def _step(
    evaluate: Evaluate, here: tuple[Vector, float], step: Vector, share: float
) -> tuple[Vector, float, Vector, Matrix]:
    """Return where a step leads, halved until the likelihood does not fall by more than rounding."""
    place, value = here
    for _ in range(_HALVINGS):
        there = [old + share * change for old, change in zip(place, step, strict=True)]
        found = evaluate(there)
        if found[0] >= value - 1e-9 * (1 + abs(value)):
            return (there, *found)
        share /= 2
    raise NoMaximumError
