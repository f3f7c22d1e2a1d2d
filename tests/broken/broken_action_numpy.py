"""Actions are numpy's numbers."""

import numpy

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "actions"


class Wrong(Heap):
    def legal(self, seat):
        return [numpy.int64(action) for action in super().legal(seat)]

    def apply(self, actions, rng):
        return super().apply({seat: int(action) for seat, action in actions.items()}, rng)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
