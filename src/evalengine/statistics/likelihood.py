"""The generalised log-likelihood ratio of a multinomial distribution (Van den Bergh, cantate.be/Fishtest).

"MLE" is the distribution nearest to the counts among those with a given mean ("Comments on normalized Elo", prop.
1.1), or with a given ratio t of mean - 1/2 to standard deviation ("normalized_elo_practical", section 4.1). A class
that was never seen is counted as 1/1000, as fishtest and fastchess do.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

UNSEEN = 1e-3
_STEPS = 200
_ROUNDS = 50
_SAME = 1e-10
_MIDDLE = 0.5


def regularised(counts: Sequence[float]) -> list[float]:
    """Return the counts with 1/1000 for 0."""
    return [count or UNSEEN for count in counts]


def mean_ratio(counts: Sequence[float], score0: float, score1: float) -> float:
    """Return log(likelihood of mean score1 / likelihood of score0); positive speaks for score1."""
    return _ratio(counts, _with_mean, score0, score1)


def t_ratio(counts: Sequence[float], t0: float, t1: float) -> float:
    """Return log(likelihood of t1 / likelihood of t0), where t is (mean - 1/2) / standard deviation of a unit."""
    try:
        return _ratio(counts, _with_t, t0, t1)
    except ArithmeticError:  # no distribution was found: far from the counts, where the closed form is as good
        return t_ratio_approximated(counts, t0, t1)


def t_ratio_approximated(counts: Sequence[float], t0: float, t1: float) -> float:
    """Return `t_ratio` in closed form ("normalized_elo_practical", section 4.2)."""
    filled = regularised(counts)
    total, top = sum(filled), len(filled) - 1
    mean = sum(count * point for point, count in enumerate(filled)) / (top * total)
    variance = sum(count * (point / top - mean) ** 2 for point, count in enumerate(filled)) / total
    t = (mean - _MIDDLE) / math.sqrt(variance)
    return total / 2 * math.log((1 + (t - t0) ** 2) / (1 + (t - t1) ** 2))


def mean_ratio_approximated(counts: Sequence[float], score0: float, score1: float) -> float:
    """Return `mean_ratio` in closed form ("support_MLE_multinomial", remark 2.3: half the log of the variances)."""
    filled = regularised(counts)
    top = len(filled) - 1
    around = [
        sum(count * (point / top - score) ** 2 for point, count in enumerate(filled)) for score in (score0, score1)
    ]
    return sum(filled) / 2 * math.log(around[0] / around[1])


def shape(counts: Sequence[float]) -> tuple[float, float, float, float]:
    """Return mean, standard deviation, skewness and kurtosis of a unit's score."""
    filled = regularised(counts)
    total, top = sum(filled), len(filled) - 1
    mean = sum(count * point for point, count in enumerate(filled)) / (top * total)
    second = third = fourth = 0.0
    for point, count in enumerate(filled):
        off = point / top - mean
        square = off * off
        second += count * square
        third += count * square * off
        fourth += count * square * square
    second /= total
    return mean, math.sqrt(second), third / total / second**1.5, fourth / total / second**2


def _ratio(
    counts: Sequence[float],
    nearest: Callable[[list[float], list[float], float], list[float]],
    value0: float,
    value1: float,
) -> float:
    filled = regularised(counts)
    total, top = sum(filled), len(filled) - 1
    points = [point / top for point in range(len(filled))]
    shares = [count / total for count in filled]
    below, above = nearest(points, shares, value0), nearest(points, shares, value1)
    return math.fsum(count * math.log(b / a) for count, a, b in zip(filled, below, above, strict=True))


def _with_mean(points: list[float], shares: list[float], mean: float) -> list[float]:
    return _tilted([point - mean for point in points], shares)


def _with_t(points: list[float], shares: list[float], t: float) -> list[float]:
    try:
        return _iterated([1 / len(points)] * len(points), points, shares, t)
    except ArithmeticError:  # t is far from what a uniform distribution has: begin at two points that have it
        above = (1 + t / math.sqrt(1 + t * t)) / 2
        return _iterated([1 - above, *[0.0] * (len(points) - 2), above], points, shares, t)


def _iterated(found: list[float], points: list[float], shares: list[float], t: float) -> list[float]:
    for _ in range(_ROUNDS):
        mean = sum(p * a for p, a in zip(found, points, strict=True))
        sigma = math.sqrt(sum(p * (a - mean) ** 2 for p, a in zip(found, points, strict=True)))
        last = found
        found = _tilted([a - _MIDDLE - t / 2 * (sigma + (a - mean) ** 2 / sigma) for a in points], shares)
        if max(abs(p - q) for p, q in zip(found, last, strict=True)) < _SAME:
            break
    return found


def _tilted(values: list[float], shares: list[float]) -> list[float]:
    """Return shares / (1 + x values) with the x at which the values' mean is 0: Newton's steps within a bracket."""
    if not min(values) < 0 < max(values):
        msg = "all values lie on one side"
        raise ArithmeticError(msg)
    low, high = -1 / max(values), -1 / min(values)  # the mean falls from +infinity to -infinity between them
    x = 0.0
    for _ in range(_STEPS):
        parts = [(p, a / (1 + x * a)) for p, a in zip(shares, values, strict=True)]
        mean = sum(p * part for p, part in parts)
        low, high = (x, high) if mean > 0 else (low, x)
        step = x + mean / sum(p * part * part for p, part in parts)
        new = step if low < step < high else (low + high) / 2
        if abs(new - x) <= 1e-15 * abs(x) + 1e-300 or mean == 0:
            break
        x = new
    return [p / (1 + x * a) for p, a in zip(shares, values, strict=True)]
