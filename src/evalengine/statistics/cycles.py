"""Whether agents can be put on one scale: Bradley-Terry against the free pair model, and the circle where they cannot.

The deviance of Bradley-Terry against a free score for each pair is chi-square, with pairs - (agents - groups) degrees
of freedom (Agresti 2013, "Categorical Data Analysis", 11.6). Draws and rotations make results vary less than wins and
losses, so it is divided by the dispersion within pairs, as quasi-likelihood does (McCullagh and Nelder 1989, 4.5).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from evalengine.statistics import counts as counting
from evalengine.statistics.bradley_terry import PairCounts, checked_pairs, fit, groups, logistic
from evalengine.statistics.distributions import chi_square_above, normal_below

_SURE = 1.6448536269514722  # the normal quantile of .95: what an edge of a circle needs


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """One agent's score above one half against the next of the circle."""

    winner: str
    loser: str
    score: float
    z: float
    los: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Intransitivity:
    """Whether one number an agent explains the results, and if not, who beats whom in a circle."""

    deviance: float  # of Bradley-Terry against the free pair model
    dispersion: float  # by which it is divided; 1: independent wins and losses
    freedom: int
    p_value: float  # small: no scale explains the results
    significant: bool
    cycle: tuple[Edge, ...]  # each beats the next, the last the first; empty: none is sure


def intransitivity(pairs: PairCounts, *, alpha: float = 0.05) -> Intransitivity:
    """Return the test of all pairs' counts, and the strongest circle if it is significant at `alpha`.

    `pairs` maps (first, second) to the first one's counts: (losses, draws, wins), or rotations of two by class. The
    strongest circle is the one whose least certain edge is the most certain; each edge must be above 1/2 at 95%.

    Raises:
        ConfigError: counts that cannot be.
    """
    counting.between("alpha", alpha, 0, 1)
    met = checked_pairs(pairs)
    strengths = fit(met)
    agents = len(strengths)
    freedom = len(met) - (agents - len(groups(met)))
    deviance, dispersion = _deviance(met, strengths), _dispersion(met)
    p_value = chi_square_above(deviance / dispersion, freedom) if freedom else 1.0
    significant = p_value < alpha
    return Intransitivity(
        deviance=deviance,
        dispersion=dispersion,
        freedom=freedom,
        p_value=p_value,
        significant=significant,
        cycle=_strongest(_edges(met, dispersion)) if significant else (),
    )


def _deviance(met: PairCounts, strengths: dict[str, float]) -> float:
    total = 0.0
    for (first, second), counts in met.items():
        number, score, _ = counting.moments(counts)
        gap = strengths[first] - strengths[second]
        matches = number * counting.matches_a_unit(counts)
        total += matches * (_entropy_gap(score, logistic(gap)) + _entropy_gap(1 - score, logistic(-gap)))
    return max(0.0, 2 * total)


def _entropy_gap(seen: float, expected: float) -> float:
    return seen * math.log(seen / max(expected, 1e-300)) if seen else 0.0


def _dispersion(met: PairCounts) -> float:
    """Return the variance within pairs over that of independent wins and losses; 1 for these themselves."""
    if all(len(counts) == counting.SINGLE and not counts[1] for counts in met.values()):
        return 1.0
    seen = expected = 0.0
    for counts in met.values():
        number, score, variance = counting.moments(counts)
        if number > 1:
            seen += number * variance * counting.matches_a_unit(counts)
            expected += (number - 1) * score * (1 - score)
    # Without two units of any pair, or where none of them varies, nothing is known of it.
    return seen / expected if seen and expected else 1.0


def _edges(met: PairCounts, dispersion: float) -> list[Edge]:
    found = []
    for (first, second), counts in met.items():
        number, score, _ = counting.moments(counts)
        matches = number * counting.matches_a_unit(counts)
        shrunk = (score * matches + 1) / (matches + 2)  # so that who won all does not vary by nothing
        z = (score - 0.5) / math.sqrt(dispersion * shrunk * (1 - shrunk) / matches)
        winner, loser = (first, second) if z > 0 else (second, first)
        share = score if z > 0 else 1 - score
        found.append(Edge(winner=winner, loser=loser, score=share, z=abs(z), los=normal_below(abs(z))))
    return sorted((edge for edge in found if edge.z > _SURE), key=lambda edge: (-edge.z, edge.winner, edge.loser))


def _strongest(edges: list[Edge]) -> tuple[Edge, ...]:
    if not _has_circle(edges):
        return ()
    low, high = 0, len(edges)  # the first `low` edges have no circle, the first `high` have one
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _has_circle(edges[:middle]) else (middle, high)
    weakest = edges[high - 1]
    return (weakest, *_path(edges[:high], weakest.loser, weakest.winner))


def _has_circle(edges: list[Edge]) -> bool:
    beats: dict[str, set[str]] = {}
    for edge in edges:
        beats.setdefault(edge.winner, set()).add(edge.loser)
    try:
        TopologicalSorter(beats).prepare()
    except CycleError:
        return True
    return False


def _path(edges: list[Edge], start: str, end: str) -> list[Edge]:
    """Return the fewest edges that lead from one agent to another; surer ones first among equals."""
    beats: dict[str, list[Edge]] = {}
    for edge in edges:
        beats.setdefault(edge.winner, []).append(edge)
    came: dict[str, Edge] = {}
    waiting = deque([start])
    while end not in came:
        for edge in beats.get(waiting.popleft(), []):
            if edge.loser not in came:
                came[edge.loser] = edge
                waiting.append(edge.loser)
    path = [came[end]]
    while path[-1].winner != start:
        path.append(came[path[-1].winner])
    return path[::-1]
