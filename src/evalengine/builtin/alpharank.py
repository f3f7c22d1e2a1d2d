"""Alpha-Rank: how much of the time evolution spends with each agent, where they beat each other in circles."""

from __future__ import annotations

from math import exp, expm1, inf, isfinite
from typing import TYPE_CHECKING, Any

from evalengine import ConfigError
from evalengine.builtin.fits.matrices import numpy_if_installed

if TYPE_CHECKING:
    from collections.abc import Sequence

_LARGEST_EXPONENT = 700.0
_FEW = 12  # agents; below, numpy costs more than it saves


def alpharank(
    payoff: Sequence[Sequence[float]], m: int = 50, alpha: float = 100.0, *, epsilon: float = 0.01
) -> tuple[float, ...]:
    """Return the share of each agent in the stationary distribution of one population; they add up to 1.

    Source: Omidshafiei et al., Alpha-Rank: Multi-Agent Evaluation by Evolution (2019), equations 6 to 10: a single
    mutant takes over a population of m with probability (1 - e^-u) / (1 - e^-mu), u = alpha times its payoff against
    the population less the population's against it.

    Args:
        payoff: of the agent of the row against that of the column; any number, the diagonal is not read;
        m: agents in the population, at least 2; alpha: how strictly selection acts, above 0, or inf;
        epsilon: with alpha = inf, the probability that the weaker one takes over.

    Raises:
        ConfigError: the table is not square or not finite, or a number is out of range.
    """
    table = [[float(value) for value in row] for row in payoff]
    _check(table, m, alpha, epsilon)
    if len(table) < 2:  # noqa: PLR2004 - alone, or nobody
        return (1.0,) * len(table)
    others = len(table) - 1
    rates = [
        [
            0.0 if new == old else _takeover(table[new][old] - table[old][new], m, alpha, epsilon) / others
            for new in range(len(table))
        ]
        for old in range(len(table))
    ]
    last = _recurrent(rates)
    shares = [0.0] * len(table)
    inner = [[rates[old][new] for new in last] for old in last]
    for agent, share in zip(last, _stationary(inner), strict=True):
        shares[agent] = share
    return tuple(shares)


def _check(table: Sequence[Sequence[float]], m: int, alpha: float, epsilon: float) -> None:
    if not all(len(row) == len(table) and all(map(isfinite, row)) for row in table):
        msg = "alpharank: payoff must be a square table of finite numbers, the row's agent against the column's"
        raise ConfigError(msg)
    if not (m >= 2 and alpha > 0 and 0 < epsilon <= 0.5):  # noqa: PLR2004 - a population; an even chance
        msg = f"alpharank: m must be at least 2, alpha above 0, 0 < epsilon <= 0.5; not {m=}, {alpha=}, {epsilon=}"
        raise ConfigError(msg)


def _takeover(ahead: float, m: int, alpha: float, epsilon: float) -> float:
    """Return the probability that a mutant that is `ahead` in payoff takes over a population of m."""
    if alpha == inf:
        return 0.5 if ahead == 0 else 1 - epsilon if ahead > 0 else epsilon
    u = min(max(alpha * ahead, -1e300), 1e300)
    if abs(u) < 1e-14:  # noqa: PLR2004 - the limit of 0 / 0
        return 1 / m
    if u > 0:
        return expm1(-u) / expm1(-m * u) if u < _LARGEST_EXPONENT else 1.0
    # Both ends times e^(m u), which does not overflow.
    return exp((m - 1) * u) * expm1(u) / expm1(m * u)


def _recurrent(rates: Sequence[Sequence[float]]) -> list[int]:
    """Return the agents that evolution does not leave for ever.

    Of two agents one can always take over from the other, so whoever reaches most is in the one closed class; a rate
    too small for a float is none.
    """
    reached = [_reached(rates, start) for start in range(len(rates))]
    return min(map(sorted, reached), key=len)


def _reached(rates: Sequence[Sequence[float]], start: int) -> set[int]:
    found, left = {start}, [start]
    while left:
        old = left.pop()
        fresh = [new for new, rate in enumerate(rates[old]) if rate > 0 and new not in found]
        found.update(fresh)
        left.extend(fresh)
    return found


def _stationary(rates: list[list[float]]) -> list[float]:
    """Return the stationary distribution of an irreducible chain by elimination without subtraction.

    Source: Grassmann, Taksar and Heyman (1985): each share is exact to a few units of its own last digit, however small
    it is; an eigenvector is not.
    """
    np: Any = numpy_if_installed() if len(rates) > _FEW else None
    table: Any = rates if np is None else np.array(rates)
    eliminate = _eliminated if np is None else _eliminated_by_numpy
    leaving = [0.0] * len(rates)
    for k in range(len(rates) - 1, 0, -1):
        leaving[k] = eliminate(table, k)
    shares = [1.0]
    for k in range(1, len(rates)):
        shares.append(sum(shares[i] * float(table[i][k]) for i in range(k)) / leaving[k])
        largest = max(shares)
        if largest > 1e100:  # noqa: PLR2004 - before it overflows
            shares = [share / largest for share in shares]
    total = sum(shares)
    return [share / total for share in shares]


def _eliminated(table: list[list[float]], k: int) -> float:
    """Lead all ways through state k past it; return the rate at which it is left for lower ones."""
    leaving = sum(table[k][:k])
    low = [rate / leaving for rate in table[k][:k]]
    for row in table[:k]:
        through = row[k]
        if through:
            row[:k] = [rate + through * share for rate, share in zip(row[:k], low, strict=True)]
    return leaving


def _eliminated_by_numpy(table: Any, k: int) -> float:
    leaving = float(table[k, :k].sum())
    table[:k, :k] += table[:k, k, None] * (table[k, :k] / leaving)
    return leaving
