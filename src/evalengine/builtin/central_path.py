"""A point deep inside the set of equilibria of a symmetric zero-sum game: who is played in any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine.builtin.fits.matrices import numpy_if_installed

if TYPE_CHECKING:
    from collections.abc import Sequence

_END = 1e-11  # of tau
_STEPS = 200
_TOWARDS = 0.1  # of tau, a step
_FEW = 12  # agents; below, numpy costs more than it saves


def interior(game: Sequence[Sequence[float]]) -> tuple[list[float], list[float]]:
    """Return (p, slack): near an equilibrium in the inside of all, and tau - (game p) by row.

    The central path p (tau - game p) = tau / n is followed from the even mixture at tau = inf to tau = 0; for every
    tau > 0 it is one point, whose p adds up to 1 since p' game p = 0. At its end exactly one of p and slack of each row
    goes to 0 (Goldman and Tucker 1956): p > slack says who is played.

    Args:
        game: antisymmetric, its largest number about 1.
    """
    n = len(game)
    p, tau = [1 / n] * n, 10.0
    slack = _slack(game, p, tau)
    for _ in range(_STEPS):
        if tau < _END:
            break
        target = tau * _TOWARDS
        table = [[-share * value for value in row] for share, row in zip(p, game, strict=True)]
        for i in range(n):
            table[i][i] += slack[i]
        right = [target / n - p[i] * slack[i] - p[i] * (target - tau) for i in range(n)]
        step = solved(table, right)
        moved = [(target - tau) - sum(map(float.__mul__, row, step)) for row in game]
        length = min(1.0, 0.9 * _room(p, step), 0.9 * _room(slack, moved))
        p = [share + length * change for share, change in zip(p, step, strict=True)]
        slack = [room + length * change for room, change in zip(slack, moved, strict=True)]
        tau += length * (target - tau)
    return p, slack


def _slack(game: Sequence[Sequence[float]], p: Sequence[float], tau: float) -> list[float]:
    return [tau - sum(map(float.__mul__, row, p)) for row in game]


def _room(values: Sequence[float], step: Sequence[float]) -> float:
    """Return how many steps leave all values at least 0."""
    return min((-value / change for value, change in zip(values, step, strict=True) if change < 0), default=2.0)


def solved(table: list[list[float]], right: Sequence[float]) -> list[float]:
    """Return x with table x = right, by elimination with pivots of rows."""
    np: Any = numpy_if_installed() if len(right) > _FEW else None
    if np is not None:
        found: list[float] = np.linalg.solve(np.array(table), np.array(right)).tolist()
        return found
    rows = [[*row, value] for row, value in zip(table, right, strict=True)]
    for k in range(len(rows)):
        best = max(range(k, len(rows)), key=lambda i: abs(rows[i][k]))
        rows[k], rows[best] = rows[best], rows[k]
        pivot = rows[k]
        for i in range(k + 1, len(rows)):
            factor = rows[i][k] / pivot[k]
            if factor:
                rows[i][k:] = [one - factor * other for one, other in zip(rows[i][k:], pivot[k:], strict=True)]
    x = [0.0] * len(rows)
    for k in range(len(rows) - 1, -1, -1):
        x[k] = (rows[k][-1] - sum(map(float.__mul__, rows[k][k + 1 : -1], x[k + 1 :]))) / rows[k][k]
    return x
