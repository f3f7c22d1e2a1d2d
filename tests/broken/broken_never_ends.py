"""Counters come back, and nobody ever wins."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "ends"


class Wrong(Heap):
    def apply(self, actions, rng):
        self.left[0] = max(4, self.left[0] - actions[self.mover])
        self.mover = 1 - self.mover
        return self


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
