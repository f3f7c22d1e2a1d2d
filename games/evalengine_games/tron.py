"""Tron: two to four seats ride light cycles on a bordered square grid, all at once, and leave a wall behind them.

Who rides into the border, a wall or a cell that another head enters in the same turn crashes; its wall stays.
Each for itself, the score is (seats outlived - seats that outlived it) / (seats - 1); with `teams=True` four seats
play [0, 2] against [1, 3], and a team wins when the other has crashed as a whole.
Starts are one another's rotations about the centre: fair for two and four seats; of three, the one between differs.
Source: the light cycles of the film and arcade game Tron (1982); scoring and teams are our own.

Observation: {"board": [rows from the top, each a list of cells: 0 empty, 1 + seat a wall or head of that seat],
    "heads": [[row, column] by seat], "headings": [action by seat], "alive": [1 or 0 by seat]}.
Action: int, 0 up, 1 right, 2 down, 3 left; any but straight back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalengine import Game, GameError, State
from evalengine_games import drawing

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from evalengine import GameSpec

_NAMES = ("up", "right", "down", "left")
_LEGAL = ((0, 1, 3), (0, 1, 2), (1, 2, 3), (0, 2, 3))  # by heading: all but the reverse
_BORDER = 255
_SOLO = ((0,), (1,), (2,), (3,))
_TEAMS = ((0, 2), (1, 3))
# By number of seats: quarter turns from the left edge to each start, clockwise.
_TURNS = {2: (0, 2), 3: (0, 1, 2), 4: (0, 1, 2, 3)}


class Tron(Game):
    """The rules."""

    def __init__(self, size: int, *, teams: bool) -> None:
        self.size = size
        self._paired = teams
        width = size + 2
        self._steps = (-width, 1, width, -1)
        edge, inside = bytes([_BORDER]) * width, bytes([_BORDER]) + bytes(size) + bytes([_BORDER])
        self._empty = edge + inside * size + edge
        self._sides = {seats: _TEAMS if teams else _SOLO[:seats] for seats in (2, 3, 4)}

    def adapt(self, spec: GameSpec) -> GameSpec:
        # At least two heads enter a new cell in each turn but the last, and two cells are taken at the start.
        spec = replace(spec, max_turns=self.size * self.size // 2)
        return replace(spec, min_seats=4, default_seats=4) if self._paired else spec

    def teams(self, seats: int) -> Sequence[Sequence[int]]:
        if self._paired and seats != 4:
            msg = f"tron(teams=True) is played by 4 seats, not {seats}"
            raise GameError(msg)
        return [list(side) for side in self._sides[seats]]

    def initial(self, seats: int, rng: random.Random) -> Cycles:
        """Return the grid with all seats at their starts, heading inwards."""
        grid = bytearray(self._empty)
        turns = _TURNS[seats]
        heads = [self._start(turn) for turn in turns]
        for seat, head in enumerate(heads):
            grid[head] = seat + 1
        headings = [(1 + turn) % 4 for turn in turns]
        return Cycles(self._steps, self._sides[seats], grid, heads, headings)

    def _start(self, turns: int) -> int:
        """Return the cell that the middle of the left edge, one cell in, becomes after quarter turns."""
        row, column = (self.size - 1) // 2, 1
        for _ in range(turns):
            row, column = column, self.size - 1 - row
        return (row + 1) * (self.size + 2) + column + 1

    def action_to_str(self, action: int) -> str:
        return _NAMES[action]


class Cycles(State):
    """The grid and who rides on it; changes itself."""

    __slots__ = ("alive", "crashes", "grid", "headings", "heads", "movers", "sides", "steps", "turn")

    def __init__(
        self,
        steps: tuple[int, int, int, int],
        sides: tuple[tuple[int, ...], ...],
        grid: bytearray,
        heads: list[int],
        headings: list[int],
    ) -> None:
        self.steps = steps  # by action: what it adds to a cell's index
        self.sides = sides
        self.grid = grid  # row by row with the border: 0 empty, 1 + seat, or _BORDER
        self.heads = heads
        self.headings = headings
        self.crashes = [-1] * len(heads)  # by seat: the turn of its crash, -1 while it rides
        self.alive = tuple(range(len(heads)))
        self.movers = self.alive
        self.turn = 0

    def _goes_on(self) -> bool:
        return sum(any(seat in self.alive for seat in side) for side in self.sides) > 1

    def to_move(self) -> Sequence[int]:
        return self.movers

    def legal(self, seat: int) -> Sequence[int]:
        return _LEGAL[self.headings[seat]] if self.movers else ()

    def apply(self, actions: Mapping[int, int], rng: random.Random) -> Cycles:
        grid, heads, headings, steps, alive = self.grid, self.heads, self.headings, self.steps, self.alive
        entered = [heads[seat] + steps[actions[seat]] for seat in alive]
        # All are looked at before any is drawn: nobody is ahead of another.
        crashed = [seat for seat, cell in zip(alive, entered, strict=True) if grid[cell] or entered.count(cell) > 1]
        for seat, cell in zip(alive, entered, strict=True):
            headings[seat] = actions[seat]
            if seat not in crashed:
                heads[seat] = cell
                grid[cell] = seat + 1
        if crashed:
            self._crash(crashed)
        self.turn += 1
        return self

    def _crash(self, crashed: Sequence[int]) -> None:
        for seat in crashed:
            self.crashes[seat] = self.turn
        self.alive = tuple(seat for seat in self.alive if seat not in crashed)
        self.movers = self.alive if self._goes_on() else ()

    def forfeit(self, seat: int) -> Cycles:
        """Crash `seat` now: level with who crashes in this turn."""
        if seat in self.alive:
            self._crash((seat,))
        return self

    def scores(self) -> tuple[float, ...]:
        if len(self.sides) < len(self.heads):
            return self._team_scores()
        others = len(self.heads) - 1
        last = [self.turn + 1 if crash < 0 else crash for crash in self.crashes]  # + 1: a forfeit is of this turn
        return tuple(sum((mine > other) - (mine < other) for other in last) / others for mine in last)

    def _team_scores(self) -> tuple[float, ...]:
        rides = [any(seat in self.alive for seat in side) for side in self.sides]
        ahead = float(rides[0] - rides[1])
        return (ahead, -ahead, ahead, -ahead)

    def clone(self) -> Cycles:
        state = Cycles.__new__(Cycles)
        state.steps, state.sides, state.alive, state.movers = self.steps, self.sides, self.alive, self.movers
        state.grid, state.heads, state.headings = self.grid[:], self.heads[:], self.headings[:]
        state.crashes, state.turn = self.crashes[:], self.turn
        return state

    def _rows(self) -> list[list[int]]:
        width = self.steps[2]
        return [list(self.grid[left : left + width - 2]) for left in range(width + 1, width * (width - 1), width)]

    def _cell(self, seat: int) -> list[int]:
        row, column = divmod(self.heads[seat], self.steps[2])
        return [row - 1, column - 1]

    def view(self, seat: int) -> dict[str, Any]:
        seats = range(len(self.heads))
        return {
            "board": self._rows(),
            "heads": [self._cell(number) for number in seats],
            "headings": self.headings[:],
            "alive": [int(number in self.alive) for number in seats],
        }

    def render(self, seat: int | None = None) -> str:
        """Return the grid: a wall of seat 0 is a, its head A, or * once it crashed."""
        text = [[".abcd"[cell] for cell in row] for row in self._rows()]
        for number in range(len(self.heads)):
            row, column = self._cell(number)
            text[row][column] = "ABCD"[number] if number in self.alive else "*"
        return "\n".join(map(" ".join, text))

    def svg(self, seat: int | None = None) -> str:
        side = (self.steps[2] - 2) * drawing.CELL
        shapes = [drawing.rect(0, 0, side, side, drawing.BOARD, drawing.LINE)]
        for row, cells in enumerate(self._rows()):
            for column, cell in enumerate(cells):
                if cell:
                    x, y = column * drawing.CELL, row * drawing.CELL
                    shapes.append(drawing.rect(x, y, drawing.CELL, drawing.CELL, drawing.SEAT_COLOURS[cell - 1]))
        for number in range(len(self.heads)):
            row, column = self._cell(number)
            fill = drawing.PAPER if number in self.alive else drawing.INK
            middle = (column + 0.5) * drawing.CELL, (row + 0.5) * drawing.CELL
            shapes.append(drawing.circle(*middle, drawing.CELL * 0.3, fill))
        return drawing.document(side, side, shapes, self.render(seat))

    def touches(self, seat: int, action: int) -> list[tuple[float, float, float, float]]:
        head, width = self.heads[seat] + self.steps[action], self.steps[2]
        row, column = divmod(head, width)
        inside = 0 < row < width - 1 and 0 < column < width - 1
        return [drawing.cell(column - 1, row - 1)] if inside else []
