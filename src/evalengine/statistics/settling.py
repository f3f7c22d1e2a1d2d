"""When the order of many agents is settled: the best K, or every neighbour; the error holds however often one looks.

Two agents are compared within their match and over each opponent that both met, as strata (Mantel and Haenszel 1959),
from counts of rotations: under Bradley-Terry each stratum says 0 for equal agents, and where all pairs met alike their
sum is the difference of mean scores. That sum D, of variance V, gives evidence that the one below is not the better
one:

- without a margin, Robbins' normal mixture, sqrt(r / (V + r)) exp(D^2 / (2 (V + r))): a martingale at equality, so
  that it reaches 1/a at any time with probability a at most (Robbins 1970; Howard et al. 2021, "Time-uniform
  confidence sequences"; with an estimated variance asymptotically, Waudby-Smith et al. 2024);
- with a margin, Wald's likelihood ratio of +margin to -margin, exp(2 M D / V), where M is the D expected at the
  margin: fewer matches, an end for equal agents too, and an order that may be wrong between agents closer than the
  margin.

The doubt is the sum of 1/evidence over the pairs that the claim says to differ, after Bechhofer, Kiefer and Sobel
1968: settled is what leaves a doubt of at most alpha.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from evalengine.errors import ConfigError
from evalengine.statistics import counts as counting
from evalengine.statistics.bradley_terry import PairCounts, checked_pairs, fit, logistic
from evalengine.statistics.estimates import SLOPE

_WIDTH = 10.0  # r above, in points squared: evidence is greatest near V = 8 r, gaps of 20 to 100 Elo
_PRIOR_UNITS = 5.0  # rotations that the variance of a pair is shrunk by, towards that of all pairs
_PRIOR_DRAWS = 1.0
_LEAST = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """Whether a claim about the order is settled, and what it hangs on."""

    settled: bool
    doubt: float  # 0 to 1: settled at or below alpha
    alpha: float
    margin_elo: float
    top: int | None  # None: every neighbour
    order: tuple[str, ...]  # best first; of the top K, each other's places are not claimed
    closest: tuple[str, str] | None  # the pair that is in most doubt: claimed better, claimed worse


class _Cell(NamedTuple):
    """What one agent's rotations against another say, from its side."""

    units: float
    points: float  # mean of a rotation
    variance: float  # of that mean
    slope: float  # d points / d logit


def settled(pairs: PairCounts, *, top: int | None = None, alpha: float = 0.05, margin_elo: float = 0.0) -> Settled:
    """Return whether the best `top` are settled or, with None, whether every neighbour is separated.

    `pairs` maps (first, second) to the first one's counts of rotations by class (or of single matches). Agents closer
    than `margin_elo`, in Elo of the score, may be told apart wrongly.

    Raises:
        ConfigError: numbers out of range, or counts that cannot be.
    """
    counting.between("alpha", alpha, 0, 1)
    order, found = _doubts(pairs, top, margin_elo)
    doubt = min(1.0, sum(found.values()))
    return Settled(
        settled=len(order) > 1 and doubt <= alpha,
        doubt=doubt,
        alpha=alpha,
        margin_elo=max(0.0, margin_elo),
        top=top,
        order=order,
        closest=max(found, key=found.__getitem__, default=None),
    )


def doubts(pairs: PairCounts, *, top: int | None = None, margin_elo: float = 0.0) -> dict[tuple[str, str], float]:
    """Return by (better, worse), of the pairs that the claim says to differ, what `settled` adds up: 0 to 1.

    Raises:
        ConfigError: as `settled`.
    """
    return _doubts(pairs, top, margin_elo)[1]


def _doubts(
    pairs: PairCounts, top: int | None, margin_elo: float
) -> tuple[tuple[str, ...], dict[tuple[str, str], float]]:
    """Return the agents, best first, and the doubts about those that are claimed to differ."""
    counting.between("margin_elo", margin_elo, -_LEAST, math.inf)
    met = checked_pairs(pairs)
    agents = sorted({agent for pair in pairs for agent in pair})
    if top is not None and (isinstance(top, bool) or not isinstance(top, int) or not 0 < top < max(2, len(agents))):
        msg = f"top is {top!r} of {len(agents)} agents. Give a number from 1 to {max(1, len(agents) - 1)}."
        raise ConfigError(msg)
    strengths = fit(met, prior=_PRIOR_DRAWS)
    cells = _cells(met, strengths)
    order = tuple(sorted(agents, key=lambda agent: (-strengths.get(agent, 0.0), agent)))
    claimed = _claimed(order, top)
    return order, {(better, worse): _doubt(cells, better, worse, margin_elo / SLOPE) for better, worse in claimed}


def _claimed(order: tuple[str, ...], top: int | None) -> list[tuple[str, str]]:
    if top is None:
        return list(pairwise(order))
    return [(better, worse) for better in order[:top] for worse in order[top:]]


def _cells(met: PairCounts, strengths: dict[str, float]) -> dict[str, dict[str, _Cell]]:
    expected = {pair: logistic(strengths[pair[0]] - strengths[pair[1]]) for pair in met}
    ratio = _dispersion(met, expected)
    cells: dict[str, dict[str, _Cell]] = {}
    for pair, counts in met.items():
        first, second = pair
        units, score, spread = counting.moments(counts)
        size = counting.matches_a_unit(counts)
        one_match = expected[pair] * (1 - expected[pair])
        within = units * spread * size * size  # sum of squares of rotations' points
        variance = (within + _PRIOR_UNITS * ratio * size * one_match) / (units - 1 + _PRIOR_UNITS)
        cell = _Cell(units, size * score, variance / units, size * one_match)
        cells.setdefault(first, {})[second] = cell
        cells.setdefault(second, {})[first] = cell._replace(points=size - cell.points)
    return cells


def _dispersion(met: PairCounts, expected: dict[tuple[str, str], float]) -> float:
    """Return the variance of rotations over that of independent wins and losses, shrunk towards 1."""
    seen = known = _PRIOR_UNITS
    for pair, counts in met.items():
        units, _, spread = counting.moments(counts)
        size = counting.matches_a_unit(counts)
        seen += units * spread * size * size
        known += (units - 1) * size * expected[pair] * (1 - expected[pair])
    return seen / known


def _doubt(cells: dict[str, dict[str, _Cell]], better: str, worse: str, margin: float) -> float:
    """Return 1/evidence that `better` is not the worse one; 1 where they cannot be compared."""
    own, others = cells.get(better, {}), cells.get(worse, {})
    ahead = variance = drift = 0.0
    for opponent, mine in own.items():
        if opponent == worse:
            size = mine.points + others[better].points
            ahead += mine.units * (2 * mine.points - size)
            variance += 4 * mine.units**2 * mine.variance
            drift += 2 * mine.units * mine.slope
        elif opponent in others:
            theirs = others[opponent]
            weight = 2 * mine.units * theirs.units / (mine.units + theirs.units)
            ahead += weight * (mine.points - theirs.points)
            variance += weight**2 * (mine.variance + theirs.variance)
            drift += weight * (mine.slope + theirs.slope) / 2
    if ahead <= 0 or variance <= 0:
        return 1.0
    if margin > 0:
        return math.exp(-2 * margin * drift * ahead / variance)
    return min(1.0, math.exp(math.log1p(variance / _WIDTH) / 2 - ahead * ahead / (2 * (variance + _WIDTH))))
