"""A clone is the state itself, which changes."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "clone"


class Wrong(Heap):
    def clone(self):
        return self


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
