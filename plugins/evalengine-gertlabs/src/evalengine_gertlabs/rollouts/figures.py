"""Scores of samples in figures, by the rules by which the client computes its own."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from evalengine_gertlabs.rollouts.shown import ACTION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine_gertlabs.rollouts.playouts import Played

_PERCENTILES = (0.10, 0.25, 0.50, 0.75, 0.90)


def stats(scores: Sequence[float]) -> dict[str, Any]:
    """Return what is told of scores."""
    if not scores:
        return {"min": 0.0, "max": 0.0, "mean": 0.0, "median": 0.0, "std_dev": 0.0, "percentiles": {}}
    s = sorted(scores)
    n = len(s)
    mean = total(s) / n
    variance = total([(x - mean) * (x - mean) for x in s]) / max(1, n - 1)
    return {
        "min": s[0],
        "max": s[-1],
        "mean": mean,
        "median": (s[n // 2 - 1] + s[n // 2]) / 2 if n % 2 == 0 else s[n // 2],
        "std_dev": math.sqrt(variance),
        "percentiles": {f"p{100 * p:.0f}": percentile(s, p) for p in _PERCENTILES},
    }


def total(values: Sequence[float]) -> float:
    """Return a sum, added one by one: `sum` compensates in newer Pythons, and close ranks would differ."""
    found = 0.0
    for value in values:
        found += value
    return found


def percentile(ordered: Sequence[float], p: float) -> float:
    """Return a percentile between the two scores next to it, rounded half away from zero to 3 decimals."""
    if len(ordered) == 1:
        return ordered[0]
    place = p * (len(ordered) - 1)
    below = math.floor(place)
    part = place - below
    value = ordered[below] if not part else ordered[below] * (1 - part) + ordered[below + 1] * part
    return math.copysign(math.floor(abs(value) * 1000 + 0.5), value) / 1000


def row(played: Sequence[Played]) -> dict[str, Any]:
    """Return what is told of samples of one kind; no `win_rate` where nobody plays against anybody."""
    scored = [one for one in played if one.score is not None]
    failed = len(played) - len(scored)
    found: dict[str, Any] = {
        "samples": len(played),
        "scored": len(scored),
        "failed": failed,
        "failure_rate": failed / len(played),
    }
    won = [one.won for one in scored if one.won is not None]
    if won:
        found["win_rate"] = total(won) / len(won)
    faults = [one.fault for one in played if one.fault]
    if faults:
        found["first_failure"] = faults[0]
    return {**found, "score": stats([one.score for one in scored if one.score is not None])}


def distinct(actions: Sequence[Any]) -> list[Any]:
    """Return actions without repetitions; a list of one is that one, and the order of keys says nothing."""
    found: dict[str, Any] = {}
    for action in actions:
        single = action[0] if isinstance(action, list) and len(action) == 1 else action
        found.setdefault(json.dumps(single, sort_keys=True), single)
    return list(found.values())


def others(actions: Sequence[Any], given: Sequence[Any]) -> list[Any]:
    """Return actions that are not among given ones, however these are written."""
    meant = [one[ACTION] if isinstance(one, dict) and ACTION in one else one for one in given]
    known = distinct(meant)
    return distinct([*known, *actions])[len(known) :]


def ranked(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of actions, the best mean first, with `action_rank`; 0 and last for those without a score."""
    order = sorted(rows, key=lambda one: (one["scored"] == 0, -one["score"]["mean"]))
    return [{**one, "action_rank": place if one["scored"] else 0} for place, one in enumerate(order, 1)]
