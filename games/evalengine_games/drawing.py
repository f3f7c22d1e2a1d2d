"""SVG for the bundled games: shapes as strings, and a document that carries its own text.

Colours are from Okabe and Ito's palette (2008), told apart by colour-blind people too.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# By seat: blue, orange, green, purple, vermilion, sky blue, yellow, grey (for black, which is the ink).
SEAT_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442", "#7F7F7F")
BOARD, LINE, INK, PAPER, HIGHLIGHT = "#F5EFE0", "#8A7F6A", "#1B1B1B", "#FFFFFF", "#F0E442"
CELL = 40  # side of a board's cell


def document(width: float, height: float, shapes: Iterable[str], text: str) -> str:
    """Return a standalone SVG document; `text` is what a screen reader says of it (the rendered position)."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'font-family="sans-serif"><title>{escape(text, quote=False)}</title>{"".join(shapes)}</svg>'
    )


def rect(  # noqa: PLR0917 - SVG's own attributes in SVG's own order
    x: float, y: float, width: float, height: float, fill: str, stroke: str = "none"
) -> str:
    """Return a rectangle by its top left corner."""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{fill}" stroke="{stroke}"/>'


def circle(x: float, y: float, radius: float, fill: str, stroke: str = INK) -> str:
    """Return a disc by its centre."""
    return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{fill}" stroke="{stroke}"/>'


def polygon(points: Iterable[tuple[float, float]], fill: str, stroke: str = LINE) -> str:
    """Return a closed polygon."""
    path = " ".join(f"{x:g},{y:g}" for x, y in points)
    return f'<polygon points="{path}" fill="{fill}" stroke="{stroke}"/>'


def label(x: float, y: float, text: str, size: float = 14, fill: str = INK) -> str:
    """Return text centred on a point."""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{escape(fill)}" '
        f'text-anchor="middle" dominant-baseline="central">{escape(text, quote=False)}</text>'
    )


def board(columns: int, rows: int, fill: str = BOARD) -> list[str]:
    """Return the cells of a board, `CELL` units a side, from (0, 0)."""
    return [rect(column * CELL, row * CELL, CELL, CELL, fill, LINE) for row in range(rows) for column in range(columns)]


def disc(column: float, row: float, seat: int) -> str:
    """Return a seat's disc in a cell of a board."""
    return circle((column + 0.5) * CELL, (row + 0.5) * CELL, CELL * 0.38, SEAT_COLOURS[seat])


def cell(column: float, row: float) -> tuple[float, float, float, float]:
    """Return where a cell of a board is, for `touches`."""
    return column * CELL, row * CELL, CELL, CELL
