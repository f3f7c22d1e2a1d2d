"""The history of ratings as a drawing: lines over matches, on a logarithmic axis, named at their ends.

What is returned is plain numbers and texts; a template makes SVG of it, so that agents' names are escaped there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from evalengine.report.gathering import Line

WIDTH, HEIGHT = 760, 340
LEFT, RIGHT, TOP, BOTTOM = 52, 580, 14, 300  # of the area of lines; names stand on its right

_NAME_HEIGHT = 16  # from one name to the next
_TICKS = 5


def history(lines: Sequence[Line]) -> dict[str, Any]:
    """Return what to draw of a history: ticks of both axes, and of each line its path, whiskers and name's place."""
    points = [point for line in lines for point in line.points]
    low = min(value for _, rating, lo, _ in points for value in (rating, lo) if value is not None)
    high = max(value for _, rating, _, hi in points for value in (rating, hi) if value is not None)
    first, last = min(point[0] for point in points), max(point[0] for point in points)
    steps = list(_steps(low, high))
    across, up = _scale(math.log(first), math.log(last), LEFT, RIGHT), _scale(steps[0], steps[-1], BOTTOM, TOP)
    return {
        "x_ticks": [(round(across(math.log(tick)), 1), tick) for tick in matches_ticks(first, last)],
        "y_ticks": [(round(up(tick), 1), f"{tick:g}") for tick in steps],
        "lines": list(_lines(lines, lambda matches: across(math.log(matches)), up)),
    }


def _lines(
    lines: Sequence[Line], across: Callable[[float], float], up: Callable[[float], float]
) -> Iterator[dict[str, Any]]:
    ends = [up(line.points[-1][1]) for line in lines]
    for number, (line, name_y) in enumerate(zip(lines, spread(ends), strict=True)):
        yield {
            "number": number,
            "agent": line.agent,
            "path": " ".join(f"{across(matches):.1f},{up(rating):.1f}" for matches, rating, _, _ in line.points),
            "whiskers": [
                (round(across(matches), 1), round(up(lo), 1), round(up(hi), 1))
                for matches, _, lo, hi in line.points
                if lo is not None and hi is not None
            ],
            "end_y": round(ends[number], 1),
            "name_y": round(name_y, 1),
            "first": line.points[0],
            "last": line.points[-1],
        }


def spread(heights: Sequence[float]) -> list[float]:
    """Return where names stand that should be at these heights, none over another."""
    order = sorted(range(len(heights)), key=lambda place: heights[place])
    found = [0.0] * len(heights)
    before = -math.inf
    for place in order:
        before = found[place] = max(heights[place], before + _NAME_HEIGHT)
    excess = max(0.0, before - HEIGHT + _NAME_HEIGHT) if found else 0.0
    return [height - excess for height in found]


def matches_ticks(first: int, last: int) -> list[int]:
    """Return round numbers between two counts of matches, at least one."""
    found = [
        factor * 10**power
        for power in range(len(str(last)))
        for factor in (1, 2, 5)
        if first <= factor * 10**power <= last
    ]
    return found[:: -(-len(found) // 9)] if found else [last]


def _steps(low: float, high: float) -> Iterator[float]:
    """Yield round numbers a round step apart, from below `low` to above `high`."""
    span = max(high - low, 1e-9)
    size = 10 ** math.floor(math.log10(span / _TICKS))
    step = next(factor * size for factor in (1, 2, 5, 10) if factor * size * _TICKS >= span)
    number = math.floor(low / step)
    while True:
        yield round(number * step, 9)
        if number * step >= high:
            return
        number += 1


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def intervals(lines: Sequence[Mapping[str, Any]]) -> dict[str, tuple[float, float, float]]:
    """Return by agent (lo, rating, hi) as shares of 100 of the span of all of them; none for those without bounds."""
    bound = [line for line in lines if line["lo"] is not None and line["hi"] is not None]
    if not bound:
        return {}
    share = _scale(min(line["lo"] for line in bound), max(line["hi"] for line in bound), 2, 98)
    return {line["agent"]: _shares(line, share) for line in bound}


def _shares(line: Mapping[str, Any], share: Callable[[float], float]) -> tuple[float, float, float]:
    lo, rating, hi = (round(share(line[name]), 2) for name in ("lo", "rating", "hi"))
    return lo, rating, hi
