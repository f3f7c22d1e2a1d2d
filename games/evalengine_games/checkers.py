"""Checkers (English draughts): men step and jump diagonally ahead, kings also back; a capture must be made.

Seat 0 starts at the bottom and goes up. One jump is one action: the same seat goes on while its piece can jump; a man
that is crowned stops. Who cannot act loses; 40 actions in a row without a capture are a draw.
Rules and action numbers are OpenSpiel's `checkers`; unlike over the board, a man's step does not restart the 40.

Observation: {"board": 8 rows from the top, each a list by column: 0 empty, 1 and 2 a man of seat 0 and 1, 3 and 4 a
king of seat 0 and 1; "mark": 1 or 2, your men; "to_move": a seat, or None when it is over; "jumper": [row, column] of
the piece that must go on jumping, or None; "quiet": actions since the last capture}.
Action: int, ((row * 8 + column) * 4 + direction) * 2 + capture, where the piece comes from; direction 0, 1: up to the
left, to the right; 2, 3: down to the right, to the left; capture 0 or 1 (a jump over one piece).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine import Game, State
from evalengine_games import drawing

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

_SEATS = ((0,), (1,))
_QUIET_LIMIT = 40
_DIRECTIONS = ((-1, -1), (-1, 1), (1, 1), (1, -1))  # (row, column), by number


def _bit(row: int, column: int) -> int:
    """Return a dark cell's bit: every second row a bit is left out, so that a step is -5, -4, +5 or +4 anywhere."""
    return 1 << 9 * (row // 2) + 4 * (row % 2) + column // 2


_CELLS = tuple((row, column) for row in range(8) for column in range(8) if (row + column) % 2)  # the dark ones
_ON_BOARD = sum(_bit(row, column) for row, column in _CELLS)
_START = (
    sum(_bit(*cell) for cell in _CELLS if cell[0] >= 5),
    sum(_bit(*cell) for cell in _CELLS if cell[0] <= 2),
)
_CROWNING = tuple(sum(_bit(*cell) for cell in _CELLS if cell[0] == row) for row in (0, 7))
_CELL_OF = {_bit(*cell): cell for cell in _CELLS}


def _action(row: int, column: int, direction: int, capture: int) -> int:
    return ((row * 8 + column) * 4 + direction) * 2 + capture


def _target(action: int) -> tuple[int, int, int, int]:
    """Return from where to where: row, column, row, column; the latter may be off the board."""
    row, column = divmod(action // 8, 8)
    down, right = _DIRECTIONS[action // 2 % 4]
    length = 1 + action % 2
    return row, column, row + length * down, column + length * right


def _step(action: int) -> tuple[int, int, int]:
    """Return the bits of an action: origin, target and captured piece (0: none)."""
    row, column, to_row, to_column = _target(action)
    if (row, column) not in _CELLS or (to_row, to_column) not in _CELLS:
        return (0, 0, 0)  # never legal
    prey = _bit((row + to_row) // 2, (column + to_column) // 2) if action % 2 else 0
    return _bit(row, column), _bit(to_row, to_column), prey


_STEPS = tuple(map(_step, range(512)))
# By direction: bit of the piece -> action.
_STEP_OF = tuple({_bit(*cell): _action(*cell, direction, 0) for cell in _CELLS} for direction in range(4))
_JUMP_OF = tuple({_bit(*cell): _action(*cell, direction, 1) for cell in _CELLS} for direction in range(4))


def _pair_table(pair: int, direction: int) -> tuple[tuple[int, ...], ...]:
    """Return the steps in `direction` by mask of the nine bits of two rows."""
    table: list[tuple[int, ...]] = [()]
    for number in range(9):
        action = _STEP_OF[direction].get(1 << 9 * pair + number)
        table += [actions if action is None else (*actions, action) for actions in table]
    return tuple(table)


# By direction and pair of rows from the top.
_STEPS_OF = tuple(tuple(_pair_table(pair, direction) for pair in range(4)) for direction in range(4))


def _jumps_from(cell: tuple[int, int]) -> tuple[tuple[int, int, int, int], ...]:
    """Return (direction, captured piece, target, action) for the jumps that stay on the board."""
    found = []
    for direction in range(4):
        action = _action(*cell, direction, 1)
        _, target, prey = _STEPS[action]
        if target:
            found.append((direction, prey, target, action))
    return tuple(found)


_JUMPS_FROM = {_bit(*cell): _jumps_from(cell) for cell in _CELLS}
# By seat: those ahead.
_JUMPS_AHEAD = tuple(
    {bit: tuple(jump for jump in jumps if jump[0] // 2 == seat) for bit, jumps in _JUMPS_FROM.items()}
    for seat in (0, 1)
)


class Checkers(Game):
    """The rules."""

    def initial(self, seats: int, rng: random.Random) -> Board:
        return Board()

    def action_to_str(self, action: int) -> str:
        """Return from where to where, as in chess: "a3b4", "c3e5"; row 1 is seat 0's."""
        row, column, to_row, to_column = _target(action)
        return f"{_letter(column)}{8 - row}{_letter(to_column)}{8 - to_row}"


def _letter(column: int) -> str:
    return chr(ord("a") + column)


class Board(State):
    """A position; changes itself."""

    __slots__ = ("actions", "jumper", "kings", "mine", "movers", "quiet", "seat", "theirs")

    def __init__(self) -> None:
        self.mine, self.theirs = _START  # masks of the pieces of `seat` and of the other
        self.kings = 0  # of both
        self.seat = 0  # to move; when it is over, who could not
        self.quiet = 0  # actions since the last capture
        self.jumper = 0  # bit of the piece that must go on, or 0
        self.actions = _actions(0, self.mine, self.theirs, 0)  # legal ones; replaced, never changed
        self.movers: Sequence[int] = _SEATS[0]

    def to_move(self) -> Sequence[int]:
        return self.movers

    def legal(self, seat: int) -> Sequence[int]:
        return self.actions

    def apply(self, actions: Mapping[int, int], rng: random.Random) -> Board:
        seat, kings, theirs = self.seat, self.kings, self.theirs
        origin, target, prey = _STEPS[actions[seat]]
        mine = self.mine ^ origin ^ target
        crowned = 0
        if kings & origin:
            kings ^= origin ^ target
        else:
            crowned = target & _CROWNING[seat]
            kings |= crowned
        if prey:
            self.quiet = 0
            theirs ^= prey
            kings &= ~prey
            self.kings = kings
            jumps = () if crowned else _jumps(target, mine, theirs, kings, seat)
            if jumps:
                self.mine, self.theirs, self.jumper, self.actions = mine, theirs, target, jumps
                return self
        else:
            self.quiet += 1
            self.kings = kings
        self.jumper = 0
        self.mine, self.theirs = theirs, mine
        self.seat = seat = 1 - seat
        self.actions = found = _actions(seat, theirs, mine, kings) if self.quiet < _QUIET_LIMIT else ()
        self.movers = _SEATS[seat] if found else ()
        return self

    def scores(self) -> tuple[float, float]:
        if self.movers or self.quiet >= _QUIET_LIMIT:
            return (0.0, 0.0)
        return (1.0, -1.0) if self.seat else (-1.0, 1.0)

    def clone(self) -> Board:
        board = Board.__new__(Board)
        board.mine = self.mine
        board.theirs = self.theirs
        board.kings = self.kings
        board.seat = self.seat
        board.quiet = self.quiet
        board.jumper = self.jumper
        board.actions = self.actions
        board.movers = self.movers
        return board

    def view(self, seat: int) -> dict[str, Any]:
        return {
            "board": self._rows(),
            "mark": seat + 1,
            "to_move": self.seat if self.movers else None,
            "jumper": list(_CELL_OF[self.jumper]) if self.jumper else None,
            "quiet": self.quiet,
        }

    def _rows(self) -> list[list[int]]:
        rows = [[0] * 8 for _ in range(8)]
        first, second = (self.theirs, self.mine) if self.seat else (self.mine, self.theirs)
        for bit, (row, column) in _CELL_OF.items():
            if bit & (first | second):
                rows[row][column] = (1 if bit & first else 2) + (2 if bit & self.kings else 0)
        return rows

    def render(self, seat: int | None = None) -> str:
        rows = [f"{8 - number} " + " ".join(".o+8*"[piece] for piece in row) for number, row in enumerate(self._rows())]
        return "\n".join([*rows, "  a b c d e f g h"])

    def svg(self, seat: int | None = None) -> str:
        shapes = drawing.board(8, 8)
        for number, row in enumerate(self._rows()):
            for column, piece in enumerate(row):
                if piece:
                    shapes.append(drawing.disc(column, number, (piece - 1) % 2))
                if piece > 2:  # a king
                    shapes.append(drawing.label((column + 0.5) * drawing.CELL, (number + 0.5) * drawing.CELL, "K"))
        side = 8 * drawing.CELL
        return drawing.document(side, side, shapes, self.render(seat))

    def touches(self, seat: int, action: int) -> list[tuple[float, float, float, float]]:
        row, column, to_row, to_column = _target(action)
        return [drawing.cell(column, row), drawing.cell(to_column, to_row)]


def _jumps(piece: int, mine: int, theirs: int, kings: int, seat: int) -> tuple[int, ...]:
    """Return the jumps of one piece."""
    ways = _JUMPS_FROM[piece] if kings & piece else _JUMPS_AHEAD[seat][piece]
    return tuple([action for _, prey, target, action in ways if theirs & prey and not (mine | theirs) & target])


def _actions(seat: int, mine: int, theirs: int, kings: int) -> tuple[int, ...]:
    """Return the jumps, or the steps when there are none."""
    empty = _ON_BOARD & ~(mine | theirs)
    kings &= mine
    # In each mask stand the pieces that can go that way; only kings go back.
    if kings:
        up, down = (kings, mine) if seat else (mine, kings)
        one, other = up & theirs << 5 & empty << 10, up & theirs << 4 & empty << 8
        third, fourth = down & theirs >> 5 & empty >> 10, down & theirs >> 4 & empty >> 8
        if one or other or third or fourth:
            return (*_pieces(_JUMP_OF[:2], one, other), *_pieces(_JUMP_OF[2:], third, fourth))
    elif seat:
        one, other = mine & theirs >> 5 & empty >> 10, mine & theirs >> 4 & empty >> 8
        if one or other:
            return tuple(_pieces(_JUMP_OF[2:], one, other))
    else:
        one, other = mine & theirs << 5 & empty << 10, mine & theirs << 4 & empty << 8
        if one or other:
            return tuple(_pieces(_JUMP_OF[:2], one, other))
    return _steps(seat, mine, kings, empty)


def _steps(seat: int, mine: int, kings: int, empty: int) -> tuple[int, ...]:
    """Return the steps ahead from tables of two rows, and those of kings back."""
    if seat:
        one, other = mine & empty >> 5, mine & empty >> 4
        ones, others = _STEPS_OF[2:]
        back = _pieces(_STEP_OF[:2], kings & empty << 5, kings & empty << 4) if kings else ()
    else:
        one, other = mine & empty << 5, mine & empty << 4
        ones, others = _STEPS_OF[:2]
        back = _pieces(_STEP_OF[2:], kings & empty >> 5, kings & empty >> 4) if kings else ()
    # fmt: off
    return (
        *ones[0][one & 511], *ones[1][one >> 9 & 511], *ones[2][one >> 18 & 511], *ones[3][one >> 27],
        *others[0][other & 511], *others[1][other >> 9 & 511], *others[2][other >> 18 & 511], *others[3][other >> 27],
        *back,
    )
    # fmt: on


def _pieces(action_of: Sequence[Mapping[int, int]], one: int, other: int) -> list[int]:
    """Return the actions of the pieces in the masks of two directions."""
    found = []
    ones, others = action_of
    while one:
        piece = one & -one
        found.append(ones[piece])
        one ^= piece
    while other:
        piece = other & -other
        found.append(others[piece])
        other ^= piece
    return found
