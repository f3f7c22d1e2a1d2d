"""It draws from numpy's global generator."""

import numpy

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "random"


class Wrong(Heap):
    def apply(self, actions, rng):
        self.left[0] -= min(self.left[0], int(numpy.random.randint(1, 3)))
        self.mover = 1 - self.mover
        return self


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
