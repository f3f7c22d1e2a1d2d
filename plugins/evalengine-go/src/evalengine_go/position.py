"""A position of a match of Go: what may be played, what comes of it, and what it looks like."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from evalengine import State
from evalengine_go import drawing
from evalengine_go.stones import Stones
from evalengine_go.tables import COLOURS

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from evalengine_go.game import Go

_SEATS = ((0,), (1,))
_END = 2  # passes in a row


class Position(Stones, State):
    """A position; changes itself."""

    __slots__ = ("_game", "_ko", "_legal", "_moves", "_passes", "_seen")

    def __init__(self, game: Go) -> None:
        """Set up the empty board."""
        super().__init__(game.tables)
        self._game = game
        self._passes = 0  # in a row
        self._moves: list[int] = []
        self._seen = {0}  # keys of what may not come again: hashes, or hashes with who is to move
        self._ko = 0  # where superko bars the seat that is to move; known once `_legal` is
        self._legal: tuple[int, ...] | None = None

    def clone(self) -> Position:
        twin = object.__new__(type(self))
        twin._copy_stones(self)
        twin._game, twin._passes = self._game, self._passes
        twin._legal, twin._ko = self._legal, self._ko  # a tuple that is replaced
        twin._moves, twin._seen = self._moves[:], self._seen.copy()
        return twin

    def to_move(self) -> Sequence[int]:
        return () if self._passes >= _END else _SEATS[self._colour]

    def legal(self, seat: int) -> Sequence[int]:
        if self._passes >= _END:
            return ()
        if self._legal is None:
            legal = self._free[:]
            barred = self._suicides()
            again = self._lost[self._colour] & (self._empty ^ barred)
            self._ko = self._repeating(again) if again else 0
            for point in self._tables.points_of(barred | self._ko):
                del legal[bisect_left(legal, point)]
            self._legal = tuple(legal)  # it is kept: who is given it must not change it
        return self._legal

    def _repeating(self, candidates: int) -> int:
        """Return those of the points `candidates` where a stone would bring back what was there before.

        Only points where this colour lost a stone can: the earlier position has the new stone, so it was taken since.
        """
        board, turn_key = self._tables, self._game.turn_keys[1 - self._colour]
        points = board.points_of(candidates)
        return sum(board.bits[point] for point in points if self._hash_after(point) ^ turn_key in self._seen)

    def refuse(self, seat: int, action: Any) -> str | None:
        board = self._tables
        if type(action) is not int or not 0 <= action <= board.points:
            return f"an action is an int from 0 to {board.points}, which passes"
        legal = self.legal(seat)
        at = bisect_left(legal, action)
        if at < len(legal) and legal[at] == action:
            return None
        vertex = board.vertices[action]
        if self._chain_at[action]:
            return f"{vertex} is occupied"
        return f"{vertex} would repeat an earlier position" if self._ko & board.bits[action] else f"{vertex} is suicide"

    def apply(self, actions: Mapping[int, int], rng: random.Random) -> Position:
        action = actions[self._colour]
        self._moves.append(action)
        if action == self._tables.points:
            self._passes += 1
        else:
            self._passes = 0
            self._place(action)
        self._colour = 1 - self._colour
        self._seen.add(self._hash ^ self._game.turn_keys[self._colour])
        self._legal = None
        return self

    def scores(self) -> tuple[float, float]:
        black, white = self.area()
        lead = black - white - self._game.komi
        return (float(lead > 0) - (lead < 0), float(lead < 0) - (lead > 0))

    # ------------------------------------------------------------------------------ looking at it

    def view(self, seat: int) -> dict[str, Any]:
        board, cells = self._tables, self.cells()
        size, vertices = board.size, board.vertices
        over = self._passes >= _END
        if not over:
            self.legal(self._colour)  # finds where superko bars
        return {
            "size": size,
            "komi": self._game.komi,
            "rules": dict(self._game.rules),
            "board": [cells[start : start + size] for start in range(0, board.points, size)],
            "moves": [[COLOURS[turn & 1], vertices[action]] for turn, action in enumerate(self._moves)],
            "colour": COLOURS[seat],
            "to_play": None if over else COLOURS[self._colour],
            "captures": self._captures[:],
            "ko": [] if over else [vertices[point] for point in reversed(board.points_of(self._ko))],
        }

    def render(self, seat: int | None = None) -> str:
        return f"{drawing.text(self._tables.size, self.cells())}\n{self._state_of_play()}"

    def svg(self, seat: int | None = None) -> str:
        last = self._moves[-1] if self._moves else self._tables.points
        return drawing.svg(self._tables.size, self.cells(), last, self.render(seat))

    def touches(self, seat: int, action: int) -> list[tuple[float, float, float, float]]:
        return [drawing.around(action, self._tables.size)] if action < self._tables.points else []

    def _state_of_play(self) -> str:
        """Return in one line who is to play, what was last, and the captures; or the result."""
        if self._passes >= _END:
            black, white = self.area()
            winner = {1.0: "B wins", -1.0: "W wins", 0.0: "a draw"}[self.scores()[0]]
            return f"over: area B {black}, W {white} + {self._game.komi:g}: {winner}"
        last = f", last {self._tables.vertices[self._moves[-1]]}" if self._moves else ""
        return f"{COLOURS[self._colour]} to play{last}, captures B {self._captures[0]} W {self._captures[1]}"
