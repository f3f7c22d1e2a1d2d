"""Actions are open when it is over."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "over"


class Wrong(Heap):
    def legal(self, seat):
        return super().legal(seat) or [1]


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
