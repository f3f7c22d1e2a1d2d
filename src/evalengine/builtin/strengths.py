"""Strengths for pairings: a small Bradley-Terry fit that needs no rater."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.builtin.cells import Record

_PRIOR = 4.0  # variance of strengths in log-odds before the first match
_SWEEPS = 30
_ENOUGH = 1e-3  # of a strength's change, in log-odds: half an Elo


def strengths(agents: Sequence[int], record: Record) -> dict[int, tuple[float, float]]:
    """Return (strength in log-odds, its variance) by agent: the likeliest under a normal prior, one at a time.

    Bradley and Terry (1952) with draws as halves, by Newton's method on each strength in turn; the variance is the
    inverse of the information on it, the others' strengths taken as they are.
    """
    met: dict[int, list[tuple[int, int]]] = {agent: [] for agent in agents}
    for (one, other), matches in record.pairs.items():
        met[one].append((other, matches))
    points = {agent: sum(record.points(agent, other) for other, _ in met[agent]) for agent in agents}
    found = dict.fromkeys(agents, (0.0, _PRIOR))
    for _ in range(_SWEEPS):
        moved = 0.0
        for agent in agents:
            strength = found[agent][0]
            slope, information = points[agent] - strength / _PRIOR, 1 / _PRIOR
            for other, matches in met[agent]:
                p = 0.5 + 0.5 * math.tanh((strength - found[other][0]) / 2)
                slope -= matches * p
                information += matches * p * (1 - p)
            step = max(-1.0, min(1.0, slope / information))  # far from the top the curve is no parabola
            found[agent] = strength + step, 1 / information
            moved = max(moved, abs(step))
        if moved < _ENOUGH:
            break
    return found
