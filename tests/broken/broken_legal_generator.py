"""legal() is a generator."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "plays"


class Wrong(Heap):
    def legal(self, seat):
        yield from range(1, min(3, self.left[0]) + 1)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
