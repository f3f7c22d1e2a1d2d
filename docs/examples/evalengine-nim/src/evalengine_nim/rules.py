"""The rules of Nim, and perfect play (Bouton 1901)."""

from dataclasses import replace

from evalengine import Agent, Game, State

MOST = 3  # counters a turn


class Nim(Game):
    def __init__(self, counters):
        self.counters = counters

    def adapt(self, spec):
        return replace(spec, max_turns=self.counters)

    def initial(self, seats, rng):
        return Heap(rng.randint(self.counters // 2, self.counters), 0)


class Heap(State):
    __slots__ = ("left", "mover")

    def __init__(self, left, mover):
        self.left = left
        self.mover = mover

    def to_move(self):
        return [self.mover] if self.left else []

    def view(self, seat):
        return {"left": self.left}

    def legal(self, seat):
        return list(range(1, min(MOST, self.left) + 1))

    def apply(self, actions, rng):
        return Heap(self.left - actions[self.mover], 1 - self.mover)

    def scores(self):
        if self.left:
            return (0.0, 0.0)
        return (-1.0, 1.0) if self.mover == 0 else (1.0, -1.0)

    def clone(self):
        return self  # it never changes

    def render(self, seat=None):
        return "o" * self.left


class Perfect(Agent):
    def act(self, observation):
        surplus = observation["left"] % (MOST + 1)
        return surplus or 1
