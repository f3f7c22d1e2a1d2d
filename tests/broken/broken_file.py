"""It writes a log."""

import os

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "files"


class Wrong(Heap):
    def apply(self, actions, rng):
        with open(os.devnull, "a") as log:
            log.write("a turn")
        return super().apply(actions, rng)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
