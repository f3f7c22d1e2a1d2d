"""A position as text and as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from evalengine_go.tables import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MARKS = ".XO"  # empty, black, white; as gnugo shows them
_STEP = 24  # units between lines
_INK, _WOOD = "#1B1B1B", "#E3C07A"
_STONES = ("", "#1B1B1B", "#FFFFFF")
_LAST = ("", "#FFFFFF", "#1B1B1B")  # the dot on the last stone
_STARS = {9: (2, 4, 6), 13: (3, 6, 9), 19: (3, 9, 15)}  # rows and columns of the star points


def text(size: int, cells: Sequence[int]) -> str:
    """Return the board row by row with its coordinates."""
    letters = f"   {' '.join(COLUMNS[:size])}"
    rows = (" ".join(_MARKS[cell] for cell in cells[row * size : row * size + size]) for row in range(size))
    return "\n".join([letters, *(f"{size - row:>2} {marks} {size - row}" for row, marks in enumerate(rows)), letters])


def svg(size: int, cells: Sequence[int], last: int, title: str) -> str:
    """Return one SVG document, the stone on the point `last` marked; `title` is what a screen reader says of it."""
    side = (size + 1) * _STEP
    shapes = [f'<rect width="{side}" height="{side}" fill="{_WOOD}"/>', *_lines(size), *_stars(size)]
    for point, cell in enumerate(cells):
        if cell:
            shapes.append(_disc(point, size, 0.46, _STONES[cell]))
    if last < len(cells) and cells[last]:
        shapes.append(_disc(last, size, 0.14, _LAST[cells[last]]))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" role="img" '
        f'font-family="sans-serif"><title>{escape(title)}</title>{"".join(shapes)}</svg>'
    )


def _disc(point: int, size: int, radius: float, fill: str) -> str:
    row, column = divmod(point, size)
    x, y = (column + 1) * _STEP, (row + 1) * _STEP
    return f'<circle cx="{x}" cy="{y}" r="{radius * _STEP:g}" fill="{fill}" stroke="{_INK}"/>'


def around(point: int, size: int) -> tuple[float, float, float, float]:
    """Return the square around a point, for clicks."""
    row, column = divmod(point, size)
    return (column + 0.5) * _STEP, (row + 0.5) * _STEP, _STEP, _STEP


def _lines(size: int) -> Iterable[str]:
    """Return the grid and its coordinates."""
    end = size * _STEP
    for number in range(size):
        at = (number + 1) * _STEP
        yield f'<path d="M{_STEP} {at}H{end}M{at} {_STEP}V{end}" stroke="{_INK}"/>'
        yield _label(at, _STEP // 4, COLUMNS[number])
        yield _label(_STEP // 4, at, str(size - number))


def _label(x: float, y: float, letters: str) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="8" fill="{_INK}" text-anchor="middle" '
        f'dominant-baseline="central">{letters}</text>'
    )


def _stars(size: int) -> Iterable[str]:
    stars = _STARS.get(size, ())
    for row in stars:
        for column in stars:
            yield f'<circle cx="{(column + 1) * _STEP}" cy="{(row + 1) * _STEP}" r="2.5" fill="{_INK}"/>'
