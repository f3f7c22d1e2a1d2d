"""The distribution of largest entropy under linear equations and inequalities."""

from __future__ import annotations

from math import inf, log
from typing import TYPE_CHECKING

from evalengine.builtin.central_path import solved

if TYPE_CHECKING:
    from collections.abc import Sequence

_ZERO = 1e-9  # of what is about 1: a rounding error
_STEPS = 100
_BARRIERS = tuple(10.0**-k for k in range(2, 14))

Table = list[list[float]]


def largest(equal: Table, bound: Table, start: Sequence[float]) -> list[float]:
    """Return p > 0, sum 1, of largest entropy with equal . p = 0 and bound . p <= 0.

    Args:
        equal, bound: rows as long as `start`, numbers of about 1;
        start: such a p but for small errors, strictly inside the inequalities.
    """
    basis, free = _nullspace(equal, len(start))
    y = [start[j] for j in free]
    if not _inside(basis, y):
        return _normed(start)  # so close to degenerate that no digits are left: the start is an equilibrium to 1e-9
    y = _scaled(basis, y)
    if len(y) > 1:
        found = _newton(basis, [], y, 0.0)
        limits = [[sum(map(float.__mul__, row, column)) for column in zip(*basis, strict=True)] for row in bound]
        if all(sum(map(float.__mul__, row, found)) <= 1e-12 for row in limits):  # noqa: PLR2004 - rounding
            y = found
        else:
            for barrier in _BARRIERS:
                y = _newton(basis, limits, y, barrier)
    return _normed([max(sum(map(float.__mul__, row, y)), 0.0) for row in basis])


def _nullspace(rows: Table, length: int) -> tuple[Table, list[int]]:
    """Return the null space's basis as rows by variable, and the variables that are its coordinates."""
    left = [list(row) for row in rows]
    pivots: list[int] = []
    for _ in range(min(len(left), length)):
        size, i, j = max(
            ((abs(left[i][j]), i, j) for i in range(len(pivots), len(left)) for j in range(length)),
            default=(0.0, 0, 0),
        )
        if size < _ZERO:
            break
        here = len(pivots)
        left[here], left[i] = left[i], left[here]
        pivots.append(j)
        left[here] = lead = [value / left[here][j] for value in left[here]]
        for other in range(len(left)):
            factor = left[other][j]
            if other != here and factor:
                left[other] = [one - factor * two for one, two in zip(left[other], lead, strict=True)]
                left[other][j] = 0.0
    free = [j for j in range(length) if j not in set(pivots)]
    basis = [[0.0] * len(free) for _ in range(length)]
    for column, j in enumerate(free):
        basis[j][column] = 1.0
        for row, pivot in enumerate(pivots):
            basis[pivot][column] = -left[row][j]
    return basis, free


def _inside(basis: Table, y: Sequence[float]) -> bool:
    return bool(y) and all(sum(map(float.__mul__, row, y)) > 0 for row in basis)


def _scaled(basis: Table, y: Sequence[float]) -> list[float]:
    total = sum(sum(map(float.__mul__, row, y)) for row in basis)
    return [value / total for value in y]


def _normed(values: Sequence[float]) -> list[float]:
    total = sum(values)
    return [value / total for value in values]


def _cost(basis: Table, limits: Table, y: Sequence[float], barrier: float) -> float:
    """Return minus the entropy plus the barrier; inf outside."""
    p = [sum(map(float.__mul__, row, y)) for row in basis]
    room = [-sum(map(float.__mul__, row, y)) for row in limits]
    if min(p) <= 0 or min(room, default=1.0) <= 0:
        return inf
    return sum(share * log(share) for share in p) - barrier * sum(map(log, room))


def _newton(basis: Table, limits: Table, y: list[float], barrier: float) -> list[float]:
    """Return the y of least cost whose p adds up to 1; `y` is one that is inside."""
    sums = [sum(column) for column in zip(*basis, strict=True)]
    cost = _cost(basis, limits, y, barrier)
    for _ in range(_STEPS):
        p = [sum(map(float.__mul__, row, y)) for row in basis]
        room = [-sum(map(float.__mul__, row, y)) for row in limits]
        # Gradient and second derivatives: rows weighted by the derivatives of each term.
        terms = [(log(share) + 1, 1 / share, row) for share, row in zip(p, basis, strict=True)]
        terms += [(barrier / gap, barrier / gap**2, row) for gap, row in zip(room, limits, strict=True)]
        slope = [sum(first * row[k] for first, _, row in terms) for k in range(len(y))]
        bend = [
            [sum(second * row[k] * row[other] for _, second, row in terms) for other in range(len(y))]
            for k in range(len(y))
        ]
        table = [[*row, total] for row, total in zip(bend, sums, strict=True)]
        step = solved([*table, [*sums, 0.0]], [*(-value for value in slope), 0.0])[:-1]
        decrease = -sum(map(float.__mul__, slope, step))
        if decrease < 1e-24:  # noqa: PLR2004 - what is left is rounding
            break
        length = 1.0
        while length > 1e-12:  # noqa: PLR2004 - no step that helps is left
            new = [value + length * change for value, change in zip(y, step, strict=True)]
            found = _cost(basis, limits, new, barrier)
            if found <= cost - 0.1 * length * decrease or (decrease < 1e-12 and found < inf):  # noqa: PLR2004 - near the end costs are equal to rounding
                break
            length /= 2
        else:
            break
        y, cost = new, found
    return y
