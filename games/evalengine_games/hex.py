"""Hex: seats in turn put a stone on a rhombus of hexagons; who joins the own two edges wins. No swap.

Rules and action numbers are OpenSpiel's `hex`: seat 0 joins top and bottom, seat 1 left and right. There are no draws.

Observation: {"board": [a number by cell, row by row from the top: 0 empty, 1 seat 0, 2 seat 1], "mark": 1 or 2,
"to_move": a seat, or None when it is over}.
Action: int, the cell: row * size + column. Row r is shifted right by r half cells; a cell touches those left and right
of it, two above (same column and the next) and two below (same column and the one before).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalengine import Game, State
from evalengine_games import bitboards, drawing

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from evalengine import GameSpec

_SEATS = ((0,), (1,))
_AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 0), (1, -1), (0, -1))  # (row, column)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

Stones = tuple[int, int, int]
"""A seat's stones as three masks: joined to no edge, to its first, to its second (0: top, bottom; 1: left, right).

The edges themselves are two more bits above the cells, set from the start.
"""


class Hex(Game):
    """The rules, and what follows from the size of the board."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.cells = size * size
        whole = (1 << self.cells) - 1
        column = sum(1 << row * size for row in range(size))
        self.not_first = whole ^ column
        self.not_last = whole ^ column << size - 1
        self.near = [[self._near(cell, seat) for cell in range(self.cells)] for seat in (0, 1)]
        self.all = tuple(range(self.cells))

    def _near(self, cell: int, seat: int) -> int:
        """Return the mask of the cells, and of the edges of `seat`, that touch `cell`."""
        size = self.size
        row, column = divmod(cell, size)
        around = [(row + down, column + right) for down, right in _AROUND]
        mask = sum(1 << r * size + c for r, c in around if 0 <= r < size and 0 <= c < size)
        along = (row, column)[seat]
        return mask | (along == 0) << self.cells | (along == size - 1) << self.cells + 1

    def adapt(self, spec: GameSpec) -> GameSpec:
        return replace(spec, max_turns=self.cells)

    def initial(self, seats: int, rng: random.Random) -> Board:
        """Return the empty board."""
        edges = (0, 1 << self.cells, 2 << self.cells)
        return Board(self, edges, edges, self.all, 0)

    def action_to_str(self, action: int) -> str:
        """Return the cell as column and row: a1 is top left."""
        return f"{_LETTERS[action % self.size]}{action // self.size + 1}"

    def join(self, loose: int, edge: int, frontier: int) -> tuple[int, int]:
        """Move the stones of `loose` that hang together with `frontier` over to `edge`; return both."""
        size, not_first, not_last = self.size, self.not_first, self.not_last
        while frontier:
            loose ^= frontier
            edge |= frontier
            frontier = loose & (
                frontier << size
                | frontier >> size
                | (frontier << 1 | frontier >> size - 1) & not_first
                | (frontier >> 1 | frontier << size - 1) & not_last
            )
        return loose, edge


class Board(State):
    """A position; immutable."""

    __slots__ = ("free", "mine", "over", "ply", "rules", "theirs")

    def __init__(
        self, rules: Hex, mine: Stones, theirs: Stones, free: tuple[int, ...], ply: int, *, over: bool = False
    ) -> None:
        self.rules = rules
        self.mine = mine  # of who is to move
        self.theirs = theirs  # of who moved last
        self.free = free  # in order
        self.ply = ply
        self.over = over

    def to_move(self) -> Sequence[int]:
        return () if self.over else _SEATS[self.ply & 1]

    def legal(self, seat: int) -> Sequence[int]:
        return () if self.over else self.free

    def apply(self, actions: Mapping[int, int], rng: random.Random) -> Board:
        rules = self.rules
        seat = self.ply & 1
        cell = actions[seat]
        loose, first, second = self.mine
        near = rules.near[seat][cell]
        loose |= 1 << cell
        over = False
        # Only stones that were joined to no edge so far change hands, so a match floods each cell once at most.
        if near & first:
            over = near & second != 0
            loose, first = rules.join(loose, first, 1 << cell)
        elif near & second:
            loose, second = rules.join(loose, second, 1 << cell)
        free = self.free
        at = bisect_left(free, cell)
        return Board(rules, self.theirs, (loose, first, second), free[:at] + free[at + 1 :], self.ply + 1, over=over)

    def scores(self) -> tuple[float, float]:
        if not self.over:
            return (0.0, 0.0)
        return (1.0, -1.0) if self.ply & 1 else (-1.0, 1.0)

    def clone(self) -> Board:
        return self

    def view(self, seat: int) -> dict[str, Any]:
        return {
            "board": self._cells(),
            "mark": seat + 1,
            "to_move": None if self.over else self.ply & 1,
        }

    def _cells(self) -> list[int]:
        first, second = (self.theirs, self.mine) if self.ply & 1 else (self.mine, self.theirs)
        size = self.rules.cells
        on_board = (1 << size) - 1
        return bitboards.cells(sum(first) & on_board, sum(second) & on_board, size)

    def render(self, seat: int | None = None) -> str:
        size = self.rules.size
        marks = [".xo"[cell] for cell in self._cells()]
        lines = ["   " + " ".join(_LETTERS[:size])]
        for row in range(size):
            stones = " ".join(marks[row * size : (row + 1) * size])
            lines.append(f"{' ' * row}{row + 1:2} {stones}")
        return "\n".join(lines)

    def svg(self, seat: int | None = None) -> str:
        size = self.rules.size
        shapes = _edges(size)
        for cell, mark in enumerate(self._cells()):
            x, y = _centre(*divmod(cell, size))
            shapes.append(drawing.polygon([(x + dx, y + dy) for dx, dy in _CORNERS], drawing.BOARD))
            if mark:
                shapes.append(drawing.circle(x, y, _SIDE * 0.6, drawing.SEAT_COLOURS[mark - 1]))
        right, bottom = _centre(size, size)
        return drawing.document(right, bottom, shapes, self.render(seat))

    def touches(self, seat: int, action: int) -> list[tuple[float, float, float, float]]:
        x, y = _centre(*divmod(action, self.rules.size))
        return [(x - _WIDE / 2, y - 0.75 * _SIDE, _WIDE, 1.5 * _SIDE)]


_SIDE = 20.0  # of a hexagon
_WIDE = _SIDE * 3**0.5
_CORNERS = (
    (0, -_SIDE),
    (_WIDE / 2, -_SIDE / 2),
    (_WIDE / 2, _SIDE / 2),
    (0, _SIDE),
    (-_WIDE / 2, _SIDE / 2),
    (-_WIDE / 2, -_SIDE / 2),
)


_RIM = 0.8  # how far the coloured edges reach out, in cells


def _centre(row: float, column: float) -> tuple[float, float]:
    return (column + row / 2 + 1.25) * _WIDE, (row * 1.5 + 1.5) * _SIDE


def _edges(size: int) -> list[str]:
    """Return the edges in the colours of the seats that join them, as triangles under the cells."""
    low, high = -_RIM, size - 1 + _RIM
    corners = [_centre(low, low), _centre(low, high), _centre(high, high), _centre(high, low)]
    middle = _centre((size - 1) / 2, (size - 1) / 2)
    return [
        drawing.polygon([middle, corners[side], corners[(side + 1) % 4]], drawing.SEAT_COLOURS[side % 2])
        for side in range(4)
    ]
