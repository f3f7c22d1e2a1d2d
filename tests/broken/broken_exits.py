"""It ends the process."""

import sys

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "plays"


class Wrong(Heap):
    def scores(self):
        if not self.left[0]:
            sys.exit(1)
        return (0.0, 0.0)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
