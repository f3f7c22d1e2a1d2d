"""From strengths to the lines of a table: ratings, 95% intervals, bands of ranks."""

from __future__ import annotations

from math import erfc, sqrt
from typing import TYPE_CHECKING, Any

from evalengine import Rating

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalengine.builtin.fits.strengths import Fit

Z95 = 1.959963984540054  # a normal variable is within +-Z95 with probability .95
_EQUAL = 1e-9  # log-odds: a smaller difference is rounding, and a shared rank


def difference(fit: Fit, one: int, other: int) -> tuple[float, float]:
    """Return by how much one place is stronger than another, and the standard error of that."""
    cov = fit.covariance
    variance = cov[one][one] + cov[other][other] - 2 * cov[one][other]
    return fit.values[one] - fit.values[other], sqrt(max(0.0, variance))


def superiority(ahead: float, error: float) -> float:
    """Return the likelihood of superiority: that of a true difference above 0."""
    if not error:
        return 0.5 * (1 + (ahead > 0) - (ahead < 0))
    return 0.5 * erfc(-ahead / error / sqrt(2))


def lines(
    fit: Fit, *, scale: float, origin: float, mean: float, matches: Mapping[int, int], extra: Mapping[str, Any]
) -> list[Rating]:
    """Return a line for each agent that has played, component by component, best first.

    A band says which ranks pairwise differences leave open: those who are significantly better (95%) are before an
    agent, those who are significantly worse behind it.
    """
    found = []
    for number, (group, absolute) in enumerate(zip(fit.components, fit.absolute, strict=True)):
        zero = origin if absolute else mean
        # By agent where equal, so that the order is always the same.
        order = sorted(group, key=lambda place: (-fit.values[place], place))
        bands = _bands(fit, order)
        for at, place in enumerate(order):
            rating, error = zero + scale * fit.values[place], scale * sqrt(max(0.0, fit.covariance[place][place]))
            beneath = difference(fit, place, order[at + 1]) if at + 1 < len(order) else None
            rank = 1 + sum(fit.values[other] > fit.values[place] + _EQUAL for other in order)
            agent = fit.agents[place]
            found.append(
                Rating(
                    agent=agent,
                    rating=rating,
                    se=error,
                    lo=rating - Z95 * error,
                    hi=rating + Z95 * error,
                    matches=matches[agent],
                    rank=rank,
                    rank_lo=min(rank, bands[at][0]),
                    rank_hi=max(rank, bands[at][1]),
                    provisional=place in fit.provisional,
                    component=number,
                    extra={**extra, "los": superiority(*beneath) if beneath else None},
                )
            )
    return found


def _bands(fit: Fit, order: Sequence[int]) -> list[tuple[int, int]]:
    better, worse = [0] * len(order), [0] * len(order)
    for at, one in enumerate(order):
        for below in range(at + 1, len(order)):
            ahead, error = difference(fit, one, order[below])
            if ahead > Z95 * error:
                better[below] += 1
                worse[at] += 1
    return [(1 + better[at], len(order) - worse[at]) for at in range(len(order))]


def unplayed(agents: Iterable[int], prior: Mapping[int, tuple[float, float]], mean: float, number: int) -> list[Rating]:
    """Return a line for each agent without results: what is known of it, or the mean, with no interval."""
    found = []
    for at, agent in enumerate(agents):
        rating, error = prior.get(agent, (mean, 0.0))
        found.append(Rating(agent=agent, rating=rating, se=error, matches=0, provisional=True, component=number + at))
    return found
