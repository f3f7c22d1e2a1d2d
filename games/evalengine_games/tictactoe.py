"""Tic-tac-toe: two seats in turn put their mark on a 3x3 board; three in a line win; a full board is a draw.

Rules and action numbers are OpenSpiel's `tic_tac_toe`.

Observation: {"board": [9 numbers by cell, row by row from the top: 0 empty, 1 seat 0, 2 seat 1], "mark": 1 or 2}.
Action: int, the cell, 0..8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine import Game, State
from evalengine_games import drawing

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

_LINES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))
_MASKS = [sum(1 << cell for cell in line) for line in _LINES]
# By mask of nine cells: small enough to know beforehand.
_WINS = [any(mask & line == line for line in _MASKS) for mask in range(512)]
_FREE = [tuple(cell for cell in range(9) if not mask >> cell & 1) for mask in range(512)]
_SEATS = ((0,), (1,))
_CELLS: dict[tuple[int, int], tuple[int, ...]] = {}  # by the masks of both seats, of positions that were looked at


class TicTacToe(Game):
    """The rules."""

    def initial(self, seats: int, rng: random.Random) -> Board:
        """Return the empty board."""
        return Board(0, 0, 0, False)

    def action_to_str(self, action: int) -> str:
        """Return the cell as column and row: a1 is top left."""
        return "abc"[action % 3] + "123"[action // 3]


class Board(State):
    """A position; immutable."""

    __slots__ = ("mine", "over", "ply", "theirs")

    def __init__(self, mine: int, theirs: int, ply: int, over: bool) -> None:  # noqa: FBT001 - named arguments cost time
        self.mine = mine  # mask of who is to move
        self.theirs = theirs  # mask of who moved last
        self.ply = ply
        self.over = over

    def to_move(self) -> Sequence[int]:
        return () if self.over else _SEATS[self.ply & 1]

    def legal(self, seat: int) -> Sequence[int]:
        return () if self.over else _FREE[self.mine | self.theirs]

    def apply(self, actions: Mapping[int, int], rng: random.Random) -> Board:
        mine = self.mine | 1 << actions[self.ply & 1]
        return Board(self.theirs, mine, self.ply + 1, _WINS[mine] or self.ply == 8)

    def scores(self) -> tuple[float, float]:
        if not _WINS[self.theirs]:
            return (0.0, 0.0)
        return (1.0, -1.0) if self.ply & 1 else (-1.0, 1.0)

    def clone(self) -> Board:
        return self

    def view(self, seat: int) -> dict[str, Any]:
        return {"board": self._cells(), "mark": seat + 1}

    def _cells(self) -> list[int]:
        masks = (self.theirs, self.mine) if self.ply & 1 else (self.mine, self.theirs)
        if masks not in _CELLS:
            first, second = masks
            _CELLS[masks] = tuple((first >> cell & 1) + 2 * (second >> cell & 1) for cell in range(9))
        return [*_CELLS[masks]]

    def render(self, seat: int | None = None) -> str:
        marks = [".xo"[cell] for cell in self._cells()]
        return "\n".join(" ".join(marks[row : row + 3]) for row in (0, 3, 6))

    def svg(self, seat: int | None = None) -> str:
        discs = [drawing.disc(cell % 3, cell // 3, mark - 1) for cell, mark in enumerate(self._cells()) if mark]
        side = 3 * drawing.CELL
        return drawing.document(side, side, [*drawing.board(3, 3), *discs], self.render(seat))

    def touches(self, seat: int, action: int) -> list[tuple[float, float, float, float]]:
        return [drawing.cell(action % 3, action // 3)]
