"""It looks at how much time it has used."""

import os
from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "clock"


class Wrong(Heap):
    def apply(self, actions, rng):
        self.spent = os.times().user
        return super().apply(actions, rng)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
