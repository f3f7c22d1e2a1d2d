"""A plain Bradley-Terry fit of counts by pair, for tests of fit and order; the board's ratings are a rater's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from evalengine.errors import ConfigError
from evalengine.statistics import counts as counting

PairCounts = Mapping[tuple[str, str], Sequence[int | float]]  # (first, second): the first one's counts

_SWEEPS = 2000
_STILL = 1e-10
_TINY = 1e-12
_LONGEST_STEP = 2.0


def checked_pairs(pairs: PairCounts) -> dict[tuple[str, str], tuple[float, ...]]:
    """Return the pairs that met, in the order of their names, with their counts.

    Raises:
        ConfigError: an agent against itself, a pair in both orders, counts of different kinds.
    """
    found = {}
    for pair, given in sorted(pairs.items()):
        first, second = pair
        if first == second or (second, first) in pairs:
            what = "an agent against itself" if first == second else "a pair in both orders"
            msg = f"{what} was counted: {first!r}, {second!r}. Give each pair of two agents once."
            raise ConfigError(msg)
        row = counting.checked(given, (len(given) | 1,)) if len(given) >= counting.SINGLE else counting.checked(given)
        if sum(row):
            found[pair] = row
    if len({len(row) for row in found.values()}) > 1:
        msg = "the pairs have counts of different kinds. Give 3 classes for all, or 5 for all."
        raise ConfigError(msg)
    return found


def groups(pairs: PairCounts) -> list[list[str]]:
    """Return the agents in groups that never met one another, by name."""
    near: dict[str, set[str]] = {}
    for first, second in pairs:
        near.setdefault(first, set()).add(second)
        near.setdefault(second, set()).add(first)
    found, seen = [], set()
    for start in sorted(near):
        if start in seen:
            continue
        group, waiting = {start}, [start]
        while waiting:
            fresh = near[waiting.pop()] - group
            group |= fresh
            waiting.extend(sorted(fresh))
        seen |= group
        found.append(sorted(group))
    return found


def fit(pairs: PairCounts, *, prior: float = 0.0) -> dict[str, float]:
    """Return the strengths in logits, of mean 0: the most likely where a draw is half a win (Bradley and Terry 1952).

    `prior` is how many draws each agent is given, spread over all others that it met, which keeps who won all finite.
    One coordinate after the other, by Newton's step: the likelihood is concave, and the order is that of the names.
    """
    agents = sorted({agent for pair in pairs for agent in pair})
    draws = prior / max(1, len(agents) - 1)
    meetings: dict[str, list[tuple[str, float]]] = {agent: [] for agent in agents}
    points = dict.fromkeys(agents, 0.0)
    for (first, second), counts in sorted(pairs.items()):
        number, mean, _ = counting.moments(counts)
        matches = number * counting.matches_a_unit(counts)
        for agent, other, score in ((first, second, mean), (second, first, 1 - mean)):
            meetings[agent].append((other, matches + draws))
            points[agent] += matches * score + draws / 2
    strengths = dict.fromkeys(agents, 0.0)
    for _ in range(_SWEEPS):
        steps = []
        for agent in agents:
            steps.append(_step(strengths, agent, meetings[agent], points[agent]))
            strengths[agent] += steps[-1]
        if not steps or max(steps) - min(steps) < _STILL:  # a step of all alike changes nothing
            break
    middle = math.fsum(strengths.values()) / len(agents) if agents else 0.0
    return {agent: strength - middle for agent, strength in strengths.items()}


def _step(strengths: dict[str, float], agent: str, met: list[tuple[str, float]], points: float) -> float:
    own, slope, bend = strengths[agent], points, _TINY
    for other, matches in met:
        expected = logistic(own - strengths[other])
        slope -= matches * expected
        bend += matches * expected * (1 - expected)
    return max(-_LONGEST_STEP, min(_LONGEST_STEP, slope / bend))


def logistic(value: float) -> float:
    """Return 1 / (1 + exp(-value)), without overflow."""
    return 0.5 * (1 + math.tanh(value / 2))
