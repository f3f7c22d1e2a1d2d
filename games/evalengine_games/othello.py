"""Othello: a disc must flank discs of the other seat in one of eight directions and turns them; most discs win.

Rules and action numbers are OpenSpiel's `othello`: a seat that cannot flank passes; when neither can, the match is
over. Seat 0 is black and begins.

Observation: {"board": [64 numbers by cell, row by row from the top: 0 empty, 1 seat 0, 2 seat 1], "mark": 1 or 2,
"to_move": a seat, or None when it is over}.
Action: int, the cell, 0..63; 64 passes, and only when nothing else is legal.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from evalengine import Game, State
from evalengine_games import bitboards, drawing

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

PASS = 64
_PASSES = (PASS,)
_SEATS = ((0,), (1,))
_FILES = "abcdefgh"

# A position is held as masks over *lanes*: each of the 38 lines of three cells or more is written out bit by bit, once
# in each direction, with a spare bit after it. On a lane, flanking is addition: a bit added to the near end of a run of
# discs carries to the cell behind the run. So one addition looks from all discs in all eight directions at once, where
# shifts of 64 cells take about a hundred operations.


def _lines() -> list[list[int]]:
    """Return the cells of each line of three or more, the rows first."""
    starts = [(0, 0), *((k, 0) for k in range(1, 8)), *((0, k) for k in range(1, 8)), *((k, 7) for k in range(1, 8))]
    found = []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        for row, column in starts:
            begins = not (0 <= row - down < 8 and 0 <= column - right < 8)
            steps = [(row + k * down, column + k * right) for k in range(8)]
            line = [r * 8 + c for r, c in steps if 0 <= r < 8 and 0 <= c < 8]
            if begins and len(line) >= 3:
                found.append(line)
    return found


_LINES = [*_lines(), *(line[::-1] for line in _lines())]
_CELL = [cell for line in _LINES for cell in (*line, PASS)]  # by lane bit; PASS at spare bits
_LANES = [sum(1 << at for at, other in enumerate(_CELL) if other == cell) for cell in range(64)]  # by cell
_NEXT = [lanes << 1 for lanes in _LANES]
_ALL = sum(_LANES)
# By the bit length of a mask, to take its highest bit: the cell, and the lanes of all other cells.
_CELL_OF = [PASS, *_CELL]
_WITHOUT = [_ALL, *(_ALL ^ (_LANES[cell] if cell < PASS else 0) for cell in _CELL)]
_ROWS = (1 << 72) - 1  # the first eight lanes
_ROW_BY_ROW = itemgetter(*(row * 9 + column for row in range(8) for column in range(8)))


def _turned() -> list[dict[int, int]]:
    """Return the lanes of the discs that turn, by the new disc's cell and the bit length of the old one's lane bit."""
    found: list[dict[int, int]] = [{} for _ in range(64)]
    start = 0
    for line in _LINES:
        for near, cell in enumerate(line):
            lanes = 0
            for far in range(near + 2, len(line)):
                lanes |= _LANES[line[far - 1]]
                found[cell][start + far + 1] = lanes
        start += len(line) + 1
    return found


_TURNED = _turned()


def _flanking(mine: int, theirs: int) -> int:
    """Return the empty cells where `mine` may go, as the lane bits behind the runs that they flank."""
    return theirs + (mine << 1 & theirs) & (_ALL ^ mine ^ theirs)


class Othello(Game):
    """The rules."""

    def initial(self, seats: int, rng: random.Random) -> Board:
        """Return the four discs in the middle."""
        black, white = _LANES[28] | _LANES[35], _LANES[27] | _LANES[36]
        return Board(black, white, _flanking(black, white), 0)

    def action_to_str(self, action: int) -> str:
        """Return the cell as column and row (a1 is top left), or pass."""
        return "pass" if action == PASS else _FILES[action % 8] + str(action // 8 + 1)


class Board(State):
    """A position; immutable."""

    __slots__ = ("mine", "moves", "over", "seat", "theirs")

    def __init__(self, mine: int, theirs: int, moves: int, seat: int) -> None:
        self.mine = mine  # lanes of who is to move
        self.theirs = theirs  # lanes of who moved last
        self.moves = moves  # lane bits of the legal cells; none: a pass, or it is over
        self.seat = seat  # that is to move
        self.over = not moves and not _flanking(theirs, mine)

    def to_move(self) -> Sequence[int]:
        return () if self.over else _SEATS[self.seat]

    def legal(self, seat: int) -> Sequence[int]:
        moves = self.moves
        if not moves:
            return () if self.over else _PASSES
        found = []
        while moves:
            length = moves.bit_length()
            found.append(_CELL_OF[length])
            moves &= _WITHOUT[length]
        found.sort()
        return found

    def apply(self, actions: Mapping[int, int], rng: random.Random) -> Board:
        seat = self.seat
        cell = actions[seat]
        mine, theirs = self.mine, self.theirs
        if cell != PASS:
            turned = 0
            ends = theirs + (_NEXT[cell] & theirs) & mine
            while ends:
                length = ends.bit_length()
                turned |= _TURNED[cell][length]
                ends ^= 1 << length - 1
            mine |= turned | _LANES[cell]
            theirs ^= turned
        return Board(theirs, mine, _flanking(theirs, mine), 1 - seat)

    def scores(self) -> tuple[float, float]:
        first, second = self._discs()
        lead = first.bit_count() - second.bit_count()
        return (float(lead > 0) - (lead < 0), float(lead < 0) - (lead > 0))

    def clone(self) -> Board:
        return self

    def view(self, seat: int) -> dict[str, Any]:
        return {
            "board": self._cells(),
            "mark": seat + 1,
            "to_move": None if self.over else self.seat,
        }

    def _discs(self) -> tuple[int, int]:
        """Return each seat's discs, nine bits a row."""
        first, second = (self.theirs, self.mine) if self.seat else (self.mine, self.theirs)
        return first & _ROWS, second & _ROWS

    def _cells(self) -> list[int]:
        return list(_ROW_BY_ROW(bitboards.cells(*self._discs(), 72)))

    def render(self, seat: int | None = None) -> str:
        marks = [".xo"[cell] for cell in self._cells()]
        rows = [f"{row + 1} {' '.join(marks[row * 8 : row * 8 + 8])}" for row in range(8)]
        return "\n".join([f"  {' '.join(_FILES)}", *rows])

    def svg(self, seat: int | None = None) -> str:
        discs = [drawing.disc(cell % 8, cell // 8, mark - 1) for cell, mark in enumerate(self._cells()) if mark]
        side = 8 * drawing.CELL
        return drawing.document(side, side, [*drawing.board(8, 8), *discs], self.render(seat))

    def touches(self, seat: int, action: int) -> list[tuple[float, float, float, float]]:
        return [] if action == PASS else [drawing.cell(action % 8, action // 8)]
