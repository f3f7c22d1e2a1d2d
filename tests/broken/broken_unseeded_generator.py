"""It makes a generator without a seed."""

from random import Random

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "random"


class Wrong(Heap):
    def apply(self, actions, rng):
        self.left[0] -= min(self.left[0], Random().randint(1, 2))
        self.mover = 1 - self.mover
        return self


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
