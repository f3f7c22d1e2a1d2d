"""Who begins depends on the time of day."""

from time import time

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "clock"


class Wrong(Heap):
    def apply(self, actions, rng):
        self.noted = time()
        return super().apply(actions, rng)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
