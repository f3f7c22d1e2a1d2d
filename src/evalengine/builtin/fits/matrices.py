"""Small symmetric linear algebra: numpy's where it is installed and pays, else the same in plain Python."""

from __future__ import annotations

from math import sqrt
from operator import mul
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

Vector = list[float]
Matrix = list[list[float]]

FEW = 12  # rows; up to it, to import numpy takes longer than all that it would make faster


def numpy_if_installed() -> Any:
    """Return numpy, or None."""
    try:
        import numpy as np
    except ImportError:
        return None
    return np


def numpy_beyond_few(rows: int) -> Any:
    """Return numpy where so many rows are worth it, or None."""
    return numpy_if_installed() if rows > FEW else None


class NotPositiveError(ArithmeticError):
    """A matrix is not positive definite."""


def cholesky(matrix: Matrix) -> Matrix:
    """Return the lower triangle L, rows cut at the diagonal, with L L' = matrix.

    Raises:
        NotPositiveError: there is none.
    """
    rows: Matrix = []
    for number, line in enumerate(matrix):
        row: Vector = []
        for other in rows:
            row.append((line[len(row)] - sum(map(mul, row, other))) / other[-1])
        left = line[number] - sum(map(mul, row, row))
        if not left > 0:
            raise NotPositiveError
        row.append(sqrt(left))
        rows.append(row)
    return rows


def solved(lower: Matrix, right: Vector) -> Vector:
    """Return x with L L' x = right."""
    found: Vector = []
    for row, value in zip(lower, right, strict=True):
        found.append((value - sum(map(mul, row, found))) / row[-1])
    for number in range(len(found) - 1, -1, -1):
        row = lower[number]
        found[number] = value = found[number] / row[-1]
        for place in range(number):
            found[place] -= row[place] * value
    return found


def solve(matrix: Matrix, right: Vector) -> Vector:
    """Return x with matrix x = right.

    Raises:
        NotPositiveError: the matrix is not positive definite.
    """
    np = numpy_beyond_few(len(matrix))
    if np is None:
        return solved(cholesky(matrix), right)
    try:
        lower = np.linalg.cholesky(np.array(matrix))
    except np.linalg.LinAlgError:
        raise NotPositiveError from None
    half = np.linalg.solve(lower, np.array(right))
    return [float(value) for value in np.linalg.solve(lower.T, half)]


def inverse(matrix: Matrix) -> Matrix:
    """Return the inverse of a positive definite matrix.

    Raises:
        NotPositiveError: it is none.
    """
    size = len(matrix)
    np = numpy_beyond_few(size)
    if np is None:
        lower = cholesky(matrix)
        return [solved(lower, [float(row == column) for row in range(size)]) for column in range(size)]
    try:
        np.linalg.cholesky(np.array(matrix))
        found = np.linalg.inv(np.array(matrix))
    except np.linalg.LinAlgError:
        raise NotPositiveError from None
    rows: Matrix = ((found + found.T) / 2).tolist()
    return rows


def sandwich(bread: Matrix, meat: Matrix) -> Matrix:
    """Return bread meat bread, all symmetric."""
    np = numpy_beyond_few(len(bread))
    if np is None:
        half = [[sum(map(mul, row, column)) for column in meat] for row in bread]
        return [[sum(map(mul, row, column)) for column in bread] for row in half]
    outer = np.array(bread)
    rows: Matrix = (outer @ np.array(meat) @ outer).tolist()
    return rows


def centred(matrix: Matrix, groups: Sequence[Sequence[int]]) -> Matrix:
    """Return the covariance when from each variable of a group the group's mean is taken."""
    found = [list(row) for row in matrix]
    for group in groups:
        for _ in range(2):  # rows, then, the matrix turned, columns
            mean = [sum(column) / len(group) for column in zip(*(found[place] for place in group), strict=True)]
            for place in group:
                found[place] = [value - part for value, part in zip(found[place], mean, strict=True)]
            found = [list(column) for column in zip(*found, strict=True)]
    return found
