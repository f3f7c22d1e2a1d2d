"""It switches the garbage collector off."""

import gc
from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "process"


class Wrong(Heap):
    def apply(self, actions, rng):
        gc.disable()
        return super().apply(actions, rng)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
