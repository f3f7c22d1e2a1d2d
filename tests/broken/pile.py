"""A sound game that broken ones are made of: seats in turn take 1 to 3 of 12 counters; who takes the last one wins."""

from evalengine import Game, GameSpec, State


class Pile(Game):
    first = 12

    def initial(self, seats, rng):
        return Heap([self.first], 0)


class Heap(State):
    def __init__(self, left, mover):
        self.left = left  # a list, so that there is something to share
        self.mover = mover

    def to_move(self):
        return [self.mover] if self.left[0] else []

    def view(self, seat):
        return {"left": list(self.left), "mover": self.mover}

    def legal(self, seat):
        return list(range(1, min(3, self.left[0]) + 1))

    def apply(self, actions, rng):
        self.left[0] -= actions[self.mover]
        self.mover = 1 - self.mover
        return self

    def scores(self):
        if self.left[0]:
            return (0.0, 0.0)
        return (-1.0, 1.0) if self.mover == 0 else (1.0, -1.0)

    def clone(self):
        return type(self)(list(self.left), self.mover)

    def render(self, seat=None):
        return f"{self.left[0]} left, seat {self.mover} is next"

    def svg(self, seat=None):
        return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><title>{self.render(seat)}</title></svg>'


def spec(module, **fields):
    """Return the spec of a game whose class `Broken` stands in `module`."""
    told = {"name": module, "version": "1", "doc": "Take counters.\nAn action is how many.", "max_turns": 12} | fields
    return GameSpec(factory=f"{module}:Broken", **told)


def game(state):
    """Return a Game that begins with a state of this class."""

    class Made(Pile):
        def initial(self, seats, rng):
            return state([12], 0)

    return Made


Broken = Pile  # what spec() names, so that the sound game can be tried as well
