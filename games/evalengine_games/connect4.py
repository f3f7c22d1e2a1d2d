"""Connect four: seats in turn drop a disc into a column; four in a line win; a full board is a draw.

Rules and action numbers are OpenSpiel's `connect_four`; the view and the parameters are those of Kaggle's `connectx`.

Observation: {"board": [a number by cell, row by row from the top: 0 empty, 1 seat 0, 2 seat 1], "mark": 1 or 2}.
Action: int, the column, from 0 on the left.
"""

from __future__ import annotations

from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from evalengine import ConfigError, Game, State
from evalengine_games import bitboards, drawing

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from evalengine import GameSpec

_SEATS = ((0,), (1,))


class _Open(dict[int, tuple[int, ...]]):
    """The columns that are not full, by the mask of top cells that are taken; filled as positions come up."""

    def __init__(self, tops: Sequence[int]) -> None:
        self._tops = tops

    def __missing__(self, taken: int) -> tuple[int, ...]:
        found = self[taken] = tuple(column for column, top in enumerate(self._tops) if not taken & top)
        return found


class Connect4(Game):
    """The rules, and what follows from the size of the board.

    Bit `column * (rows + 1) + height` stands for a cell: the spare bit above each column keeps lines apart
    (John Tromp's layout).
    """

    def __init__(self, columns: int, rows: int, inarow: int) -> None:
        if inarow > max(columns, rows):
            msg = f"game 'connect4': inarow={inarow} does not fit on {columns} columns and {rows} rows"
            raise ConfigError(msg)
        self.columns = columns
        self.rows = rows
        high = rows + 1
        self.bits = columns * high
        self.full = columns * rows
        self.steps = [_doublings(shift, inarow) for shift in (1, high, high + 1, high - 1)]
        self.bottoms = [1 << column * high for column in range(columns)]
        self.spans = [((1 << rows) - 1) << column * high for column in range(columns)]
        tops = [1 << column * high + rows - 1 for column in range(columns)]
        self.top = sum(tops)
        self.open = _Open(tops)
        order = [column * high + height for height in reversed(range(rows)) for column in range(columns)]
        self.row_by_row = itemgetter(*order)

    def adapt(self, spec: GameSpec) -> GameSpec:
        return replace(spec, max_turns=self.full)

    def initial(self, seats: int, rng: random.Random) -> Board:
        """Return the empty board."""
        return Board(self, 0, 0, 0)


def _doublings(shift: int, inarow: int) -> tuple[int, int, int]:
    """Return three shifts that find `inarow` (2..8) bits in a line when applied and intersected in turn."""
    found, run = [], 1
    for _ in range(3):
        step = min(run, inarow - run)
        found.append(shift * step)
        run += step
    return found[0], found[1], found[2]


class Board(State):
    """A position; immutable."""

    __slots__ = ("mine", "over", "ply", "rules", "theirs", "won")

    def __init__(self, rules: Connect4, mine: int, theirs: int, ply: int, won: int = 0) -> None:
        self.rules = rules
        self.mine = mine  # mask of who is to move
        self.theirs = theirs  # mask of who moved last
        self.ply = ply
        self.won = won  # by who moved last
        self.over = won or ply == rules.full

    def to_move(self) -> Sequence[int]:
        return () if self.over else _SEATS[self.ply & 1]

    def legal(self, seat: int) -> Sequence[int]:
        if self.over:
            return ()
        rules = self.rules
        return rules.open[(self.mine | self.theirs) & rules.top]

    def apply(self, actions: Mapping[int, int], rng: random.Random) -> Board:
        rules = self.rules
        column = actions[self.ply & 1]
        # The sum carries over the discs in the column to the lowest free cell.
        mine = self.mine | (self.mine + self.theirs + rules.bottoms[column]) & rules.spans[column]
        won = 0
        for one, two, three in rules.steps:
            line = mine & mine >> one
            if line:
                line &= line >> two
                won |= line & line >> three
        return Board(rules, self.theirs, mine, self.ply + 1, won)

    def scores(self) -> tuple[float, float]:
        if not self.won:
            return (0.0, 0.0)
        return (1.0, -1.0) if self.ply & 1 else (-1.0, 1.0)

    def clone(self) -> Board:
        return self

    def view(self, seat: int) -> dict[str, Any]:
        return {"board": self._cells(), "mark": seat + 1}

    def _cells(self) -> list[int]:
        first, second = (self.theirs, self.mine) if self.ply & 1 else (self.mine, self.theirs)
        rules = self.rules
        return list(rules.row_by_row(bitboards.cells(first, second, rules.bits)))

    def render(self, seat: int | None = None) -> str:
        marks = [".xo"[cell] for cell in self._cells()]
        wide = self.rules.columns
        rows = [marks[start : start + wide] for start in range(0, len(marks), wide)]
        return "\n".join(" ".join(row) for row in [*rows, [str(column % 10) for column in range(wide)]])

    def svg(self, seat: int | None = None) -> str:
        rules = self.rules
        wide = rules.columns
        discs = [drawing.disc(cell % wide, cell // wide, mark - 1) for cell, mark in enumerate(self._cells()) if mark]
        shapes = [*drawing.board(wide, rules.rows), *discs]
        return drawing.document(wide * drawing.CELL, rules.rows * drawing.CELL, shapes, self.render(seat))

    def touches(self, seat: int, action: int) -> list[tuple[float, float, float, float]]:
        return [(action * drawing.CELL, 0, drawing.CELL, self.rules.rows * drawing.CELL)]
