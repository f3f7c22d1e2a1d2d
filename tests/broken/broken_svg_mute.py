"""The drawing carries no text."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "svg"


class Wrong(Heap):
    def svg(self, seat=None):
        return '<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>'


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
