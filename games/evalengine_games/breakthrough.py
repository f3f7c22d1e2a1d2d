"""Breakthrough: men step one row ahead, straight or diagonally, and capture diagonally only.

Seat 0 holds the top two rows and goes down, seat 1 the bottom two and goes up (one row each when there are fewer than
six). Who reaches the far row or captures every man wins; there are no draws.
Rules and action numbers are OpenSpiel's `breakthrough`.

Observation: {"board": rows from the top, each a list by column: 0 empty, 1 seat 0, 2 seat 1; "mark": 1 or 2;
"to_move": a seat, or None when it is over}.
Action: int, ((row * columns + column) * 6 + direction) * 2 + capture, where the man comes from; direction 0, 1, 2: down
to the left, down, down to the right; 3, 4, 5: up to the left, up, up to the right; capture 0 or 1.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from evalengine import Game, GameSpec, State
from evalengine_games import drawing

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

_SEATS = ((0,), (1,))
# A board of any size lies in the top left corner of 8x8 bits, a byte a row, so that rows look up tables of 256.
_FULL = (1 << 64) - 1
_NOT_LEFT = _FULL // 255 * 254
_TWO_ROWS_FROM = 6  # smaller boards have one row of men a seat

_RowTable = tuple[tuple[int, ...], ...]  # by mask of the columns: the actions


class Breakthrough(Game):
    """The rules."""

    def __init__(self, rows: int, columns: int) -> None:
        self.rules = _Rules(rows, columns)

    def initial(self, seats: int, rng: random.Random) -> Board:
        return Board(self.rules, *self.rules.start, 0, over=False)

    def action_to_str(self, action: int) -> str:
        """Return from where to where, as in chess: "b7c6", and "b7c6*" for a capture."""
        return self.rules.names[action]

    def adapt(self, spec: GameSpec) -> GameSpec:
        """Return `spec` with OpenSpiel's limit: every man of two rows walks all the way."""
        return dataclasses.replace(spec, max_turns=2 * self.rules.columns * (2 * self.rules.rows - 3) + 1)


class _Rules:
    """Everything that follows from the size of the board."""

    __slots__ = ("captures", "columns", "names", "on_board", "right_of", "rows", "start", "steps", "walks")

    def __init__(self, rows: int, columns: int) -> None:
        self.rows = rows
        self.columns = columns
        row = (1 << columns) - 1
        self.on_board = sum(row << 8 * number for number in range(rows))
        self.right_of = self.on_board & ~(_FULL // 255 << columns - 1)  # cells with one to their right
        men = row | row << 8 if rows >= _TWO_ROWS_FROM else row
        self.start = (men, men << 8 * (rows - (2 if rows >= _TWO_ROWS_FROM else 1)))
        # By seat and direction (left, straight, right): tables for the rows that can be left, from the top.
        self.walks = tuple(
            tuple(tuple(self._row_table(top + seat, 3 * seat + side) for top in range(7)) for side in range(3))
            for seat in (0, 1)
        )
        # By seat, for left and right: bit of the capturing man -> action.
        self.captures = tuple(
            tuple({1 << cell: self._action(cell, 3 * seat + side, 1) for cell in self._cells()} for side in (0, 2))
            for seat in (0, 1)
        )
        count = rows * columns * 12
        self.steps = tuple(map(self._step, range(count)))
        self.names = tuple(map(self._name, range(count)))

    def _cells(self) -> list[int]:
        return [8 * row + column for row in range(self.rows) for column in range(self.columns)]

    def _action(self, cell: int, direction: int, capture: int) -> int:
        return ((cell // 8 * self.columns + cell % 8) * 6 + direction) * 2 + capture

    def _row_table(self, row: int, direction: int) -> _RowTable:
        table: list[tuple[int, ...]] = [()]
        for column in range(self.columns):
            action = (self._action(8 * row + column, direction, 0),)
            table += [actions + action for actions in table]
        return tuple(table)

    def ends(self, action: int) -> tuple[int, int, int, int]:
        """Return row and column of where an action begins, and of where it ends."""
        cell, direction = divmod(action // 2, 6)
        row, column = divmod(cell, self.columns)
        return row, column, row + (1 if direction < 3 else -1), column + direction % 3 - 1

    def _step(self, action: int) -> tuple[int, int, bool]:
        """Return the bits that change for the mover, those for the other seat, and whether the far row is reached."""
        row, column, to_row, to_column = self.ends(action)
        if not (0 <= to_row < self.rows and 0 <= to_column < self.columns):
            return (0, 0, False)  # leaves the board: never legal
        target = 1 << 8 * to_row + to_column
        far = to_row == (self.rows - 1 if to_row > row else 0)
        return (1 << 8 * row + column | target, target * (action & 1), far)

    def _name(self, action: int) -> str:
        row, column, to_row, to_column = self.ends(action)
        ends = f"{_letter(column)}{self.rows - row}{_letter(to_column)}{self.rows - to_row}"
        return ends + "*" * (action & 1)


def _letter(column: int) -> str:
    return chr(ord("a") + column)


class Board(State):
    """A position; changes itself."""

    __slots__ = ("mine", "movers", "rules", "seat", "theirs")

    def __init__(self, rules: _Rules, mine: int, theirs: int, seat: int, *, over: bool) -> None:
        self.rules = rules
        self.mine = mine  # mask of the men of `seat`
        self.theirs = theirs
        self.seat = seat  # to move; when it is over, who has lost
        self.movers = () if over else _SEATS[seat]

    def to_move(self) -> Sequence[int]:
        return self.movers

    def legal(self, seat: int) -> Sequence[int]:
        if not self.movers:
            return ()
        rules, mine, theirs = self.rules, self.mine, self.theirs
        right = mine & rules.right_of
        empty = rules.on_board & ~(mine | theirs)
        # A man stands in each mask where his way is free; seat 1's masks are a row up, so that seven rows do.
        if self.seat:
            mine >>= 8
            left = mine & _NOT_LEFT
            right >>= 8
            lefts = (left & empty << 1).to_bytes(7, "little")
            aheads = (mine & empty).to_bytes(7, "little")
            rights = (right & empty >> 1).to_bytes(7, "little")
            prey_left, prey_right = (left & theirs << 1) << 8, (right & theirs >> 1) << 8
        else:
            left = mine & _NOT_LEFT
            lefts = (left & empty >> 7).to_bytes(7, "little")
            aheads = (mine & empty >> 8).to_bytes(7, "little")
            rights = (right & empty >> 9).to_bytes(7, "little")
            prey_left, prey_right = left & theirs >> 7, right & theirs >> 9
        to_left, ahead, to_right = rules.walks[self.seat]
        # Spelled out: chain.from_iterable over the same 21 tables takes half as long again.
        # fmt: off
        found = [
            *to_left[0][lefts[0]], *ahead[0][aheads[0]], *to_right[0][rights[0]],
            *to_left[1][lefts[1]], *ahead[1][aheads[1]], *to_right[1][rights[1]],
            *to_left[2][lefts[2]], *ahead[2][aheads[2]], *to_right[2][rights[2]],
            *to_left[3][lefts[3]], *ahead[3][aheads[3]], *to_right[3][rights[3]],
            *to_left[4][lefts[4]], *ahead[4][aheads[4]], *to_right[4][rights[4]],
            *to_left[5][lefts[5]], *ahead[5][aheads[5]], *to_right[5][rights[5]],
            *to_left[6][lefts[6]], *ahead[6][aheads[6]], *to_right[6][rights[6]],
        ]
        # fmt: on
        if prey_left or prey_right:
            self._add_captures(prey_left, prey_right, found)
        return found

    def _add_captures(self, left: int, right: int, found: list[int]) -> None:
        actions_left, actions_right = self.rules.captures[self.seat]
        while left:
            man = left & -left
            found.append(actions_left[man])
            left ^= man
        while right:
            man = right & -right
            found.append(actions_right[man])
            right ^= man

    def apply(self, actions: Mapping[int, int], rng: random.Random) -> Board:
        seat = self.seat
        moved, captured, far = self.rules.steps[actions[seat]]
        theirs = self.theirs ^ captured
        self.theirs = self.mine ^ moved
        self.mine = theirs
        self.seat = seat = 1 - seat
        self.movers = () if far or not theirs else _SEATS[seat]
        return self

    def scores(self) -> tuple[float, float]:
        if self.movers:
            return (0.0, 0.0)
        return (1.0, -1.0) if self.seat else (-1.0, 1.0)

    def clone(self) -> Board:
        return Board(self.rules, self.mine, self.theirs, self.seat, over=not self.movers)

    def view(self, seat: int) -> dict[str, Any]:
        return {"board": self._rows(), "mark": seat + 1, "to_move": self.seat if self.movers else None}

    def _rows(self) -> list[list[int]]:
        first, second = (self.theirs, self.mine) if self.seat else (self.mine, self.theirs)
        columns = range(self.rules.columns)
        return [
            [(first >> 8 * row + column & 1) + 2 * (second >> 8 * row + column & 1) for column in columns]
            for row in range(self.rules.rows)
        ]

    def render(self, seat: int | None = None) -> str:
        rows = [
            f"{self.rules.rows - number} " + " ".join(".bw"[man] for man in row)
            for number, row in enumerate(self._rows())
        ]
        return "\n".join([*rows, "  " + " ".join(map(_letter, range(self.rules.columns)))])

    def svg(self, seat: int | None = None) -> str:
        rows, columns = self.rules.rows, self.rules.columns
        men = [
            drawing.disc(column, number, man - 1)
            for number, row in enumerate(self._rows())
            for column, man in enumerate(row)
            if man
        ]
        shapes = [*drawing.board(columns, rows), *men]
        return drawing.document(columns * drawing.CELL, rows * drawing.CELL, shapes, self.render(seat))

    def touches(self, seat: int, action: int) -> list[tuple[float, float, float, float]]:
        row, column, to_row, to_column = self.rules.ends(action)
        return [drawing.cell(column, row), drawing.cell(to_column, to_row)]
