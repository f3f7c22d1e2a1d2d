"""A clone forgets who is next."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "clone"


class Wrong(Heap):
    def clone(self):
        return Wrong(list(self.left), 0)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
