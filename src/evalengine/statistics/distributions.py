"""The distributions that the other modules need: normal, chi-square, Wilson's interval of a proportion."""

from __future__ import annotations

import math
from statistics import NormalDist

Z95 = 1.959963984540054  # the normal quantile of .975
_NORMAL = NormalDist()
_TINY = 1e-300
_PRECISION = 1e-16
_TERMS = 10_000


def normal_below(z: float) -> float:
    """Return the probability of a standard normal below z, precise in both tails."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


def normal_quantile(probability: float) -> float:
    """Return the z below which a standard normal lies with this probability, in (0, 1)."""
    return _NORMAL.inv_cdf(probability)


def chi_square_above(value: float, freedom: int) -> float:
    """Return the probability of a chi-square variable above `value`: its p-value.

    The regularised upper incomplete gamma function Q(freedom / 2, value / 2), by its series below the mean and
    by Lentz's continued fraction above (Abramowitz and Stegun 1964, 6.5.29 and 6.5.31).
    """
    if freedom <= 0 or value <= 0:
        return 1.0
    shape, x = freedom / 2, value / 2
    scale = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    if x < shape + 1:
        return max(0.0, 1 - scale * _lower_series(shape, x))
    return min(1.0, scale * _upper_fraction(shape, x))


def _lower_series(shape: float, x: float) -> float:
    term = total = 1 / shape
    for number in range(1, _TERMS):
        term *= x / (shape + number)
        total += term
        if term < total * _PRECISION:
            break
    return total


def _upper_fraction(shape: float, x: float) -> float:
    b = x + 1 - shape
    c = 1 / _TINY
    d = 1 / b
    found = d
    for number in range(1, _TERMS):
        a = -number * (number - shape)
        b += 2
        d = 1 / _away(a * d + b)
        c = _away(b + a / c)
        found *= d * c
        if abs(d * c - 1) < _PRECISION:
            break
    return found


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def wilson_interval(share: float, count: float, z: float = Z95) -> tuple[float, float]:
    """Return the interval of a proportion `share` seen in `count` trials (Wilson 1927); (0, 1) for no trial."""
    if count <= 0:
        return 0.0, 1.0
    square = z * z / count
    middle = (share + square / 2) / (1 + square)
    half = z / (1 + square) * math.sqrt(share * (1 - share) / count + square / (4 * count))
    # At the ends rounding would leave 1e-17 where the formula says 0 or 1.
    return (0.0 if share <= 0 else max(0.0, middle - half)), (1.0 if share >= 1 else min(1.0, middle + half))
