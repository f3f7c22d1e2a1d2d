"""A game of many turns that cost nothing, with the observation and the actions of tic-tac-toe."""

from __future__ import annotations

from evalengine import Game, GameSpec, State

BOARD = [0, 1, 2, 0, 0, 0, 2, 1, 0]
LEGAL = (0, 3, 4, 5, 8)
TURNS = 20_000


class Long(Game):
    def initial(self, _seats, _rng):
        return Position(0)


class Position(State):
    __slots__ = ("turn",)

    def __init__(self, turn):
        self.turn = turn

    def to_move(self):
        return (self.turn & 1,)

    def legal(self, _seat):
        return LEGAL

    def view(self, seat):
        return {"board": BOARD, "mark": seat + 1}

    def apply(self, _actions, _rng):
        self.turn += 1
        return self

    def scores(self):
        return (0.0, 0.0)


def spec(turns: int = TURNS) -> GameSpec:
    """Return the game with so many turns a match."""
    return GameSpec(name="long", version="1", doc="Many turns.", factory="long_game:Long", max_turns=turns)
