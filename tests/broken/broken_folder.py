"""It changes the environment."""

import os

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "process"


class Wrong(Heap):
    def apply(self, actions, rng):
        os.environ["PILE"] = str(self.left[0])
        return super().apply(actions, rng)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
