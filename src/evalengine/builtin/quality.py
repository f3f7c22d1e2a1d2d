"""How even a match would be."""

from __future__ import annotations

from itertools import pairwise
from math import exp, isfinite, log
from typing import TYPE_CHECKING

from evalengine import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence


def quality(
    teams: Sequence[Sequence[tuple[float, float]]],
    weights: Sequence[Sequence[float]] | None = None,
    *,
    beta: float = 25 / 6,
) -> float:
    """Return TrueSkill's match quality, 0 to 1: how probable a draw is, relative to that of known equals.

    Source: Herbrich, Minka and Graepel (2006), section 4, for any number of teams: with A the differences of
    neighbours, B = b2 A'A and C = B + A'SA, it is ``sqrt(det(B) / det(C)) exp(-d' C^-1 d / 2)``. Both matrices have
    three diagonals.

    Args:
        teams: (mu, sigma) by team and member; weights: alike, how much of the match each plays; beta: a match's noise.

    Raises:
        ConfigError: fewer than two teams, a team without members, or a number out of range.
    """
    weights = [[1.0] * len(team) for team in teams] if weights is None else weights
    _check(teams, weights, beta)
    paired = [list(zip(team, shares, strict=True)) for team, shares in zip(teams, weights, strict=True)]
    means = [sum(share * mu for (mu, _), share in team) for team in paired]
    noise = [sum((share * beta) ** 2 for _, share in team) for team in paired]
    total = [
        own + sum((share * sigma) ** 2 for (_, sigma), share in team) for own, team in zip(noise, paired, strict=True)
    ]
    leads = [one - other for one, other in pairwise(means)]
    even, _ = _by_neighbours(noise, leads)
    spread, square = _by_neighbours(total, leads)
    return exp(0.5 * (even - spread - square))


def _by_neighbours(variances: Sequence[float], leads: Sequence[float]) -> tuple[float, float]:
    """Return log |C| and d' C^-1 d; C is the covariance of the differences d of neighbours, by Cholesky's LDL'."""
    pivot = carried = logs = square = 0.0
    for k, lead in enumerate(leads):
        link = -variances[k] / pivot if k else 0.0
        pivot = variances[k] + variances[k + 1] - link * link * pivot
        carried = lead - link * carried
        logs += log(pivot)
        square += carried * carried / pivot
    return logs, square


def _check(teams: Sequence[Sequence[tuple[float, float]]], weights: Sequence[Sequence[float]], beta: float) -> None:
    if len(teams) < 2 or not all(teams) or list(map(len, teams)) != list(map(len, weights)):  # noqa: PLR2004 - a match
        msg = "quality: give two or more teams of (mu, sigma), and weights of the same shape or none"
        raise ConfigError(msg)
    numbers = [number for team in teams for member in team for number in member]
    sigmas = [sigma for team in teams for _, sigma in team]
    shares = [share for team in weights for share in team]
    sound = all(map(isfinite, (*numbers, *shares, beta))) and beta > 0 and min(sigmas) >= 0 and min(shares) >= 0
    if not (sound and all(map(any, weights))):
        msg = "quality: mu must be finite, sigma at least 0, beta above 0, weights at least 0 and above it in each team"
        raise ConfigError(msg)
