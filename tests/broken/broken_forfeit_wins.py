"""Who gives up is the winner."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "faults"


class Wrong(Heap):
    def __init__(self, left, mover, out=()):
        super().__init__(left, mover)
        self.out = out

    def apply(self, actions, rng):
        self.left[0] -= actions[self.mover]
        self.mover = (self.mover + 1) % 3
        return self

    def scores(self):
        if self.left[0]:
            return (0.0, 0.0, 0.0)
        return tuple(1.0 if seat in self.out else -0.5 for seat in range(3))

    def forfeit(self, seat):
        self.out = (*self.out, seat)
        return self

    def clone(self):
        return Wrong(list(self.left), self.mover, self.out)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__, min_seats=3, max_seats=3, default_seats=3, utility="general")]
