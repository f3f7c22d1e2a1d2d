"""It sleeps."""

import time

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "clock"


class Wrong(Heap):
    def apply(self, actions, rng):
        time.sleep(0.0001)
        return super().apply(actions, rng)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
