"""Nim: two seats in turn take one to three counters of a heap of 21; who takes the last one wins."""

from evalengine import Game, GameSpec, State, hookimpl

DOC = "Two seats in turn take 1 to 3 of 21 counters; who takes the last one wins. An action is how many to take."


class Nim(Game):
    def initial(self, seats, rng):
        return Heap(21, 0)


class Heap(State):
    def __init__(self, left, mover):
        self.left = left
        self.mover = mover

    def to_move(self):
        return [self.mover] if self.left else []

    def view(self, seat):
        return {"left": self.left}

    def legal(self, seat):
        return list(range(1, min(3, self.left) + 1))

    def apply(self, actions, rng):
        return Heap(self.left - actions[self.mover], 1 - self.mover)

    def scores(self):
        if self.left:
            return (0.0, 0.0)
        return (-1.0, 1.0) if self.mover == 0 else (1.0, -1.0)

    def clone(self):
        return self  # it never changes


@hookimpl
def evalengine_games():
    return [GameSpec(name="nim", version="1", doc=DOC, factory="nim:Nim", max_turns=21)]
