"""An action is no number."""

import math
from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "actions"


class Wrong(Heap):
    def legal(self, seat):
        return [float(n) for n in super().legal(seat)] + [math.nan]

    def apply(self, actions, rng):
        taken = actions[self.mover]
        return super().apply({self.mover: 1 if math.isnan(taken) else int(taken)}, rng)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
