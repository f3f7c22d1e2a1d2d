"""to_move() returns a number."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "plays"


class Wrong(Heap):
    def to_move(self):
        return self.mover


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
