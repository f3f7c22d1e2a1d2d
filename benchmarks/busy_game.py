"""A game that does nothing but cost time: two turns of half a millisecond each."""

from __future__ import annotations

from evalengine import Game, GameSpec, State, hookimpl

SPINS_PER_MS = 50_000  # about 1 ms on the machine of design/performance.md; both sides spin alike, so it need not be


def spin(count: int) -> None:
    for _ in range(count):
        pass


class Busy(Game):
    def initial(self, _seats, _rng):
        return Work(0)


class Work(State):
    __slots__ = ("turn",)

    def __init__(self, turn):
        self.turn = turn

    def to_move(self):
        return (self.turn,) if self.turn < 2 else ()

    def legal(self, _seat):
        return (0,)

    def view(self, _seat):
        return {"turn": self.turn}

    def apply(self, _actions, _rng):
        spin(SPINS_PER_MS // 2)
        return Work(self.turn + 1)

    def scores(self):
        return (0.0, 0.0)


@hookimpl
def evalengine_games():
    return [GameSpec(name="busy", version="1", doc="Costs time.", factory="busy_game:Busy", max_turns=2)]
