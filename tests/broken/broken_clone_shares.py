"""A clone has the same list."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "clone"


class Wrong(Heap):
    def clone(self):
        return Wrong(self.left, self.mover)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
