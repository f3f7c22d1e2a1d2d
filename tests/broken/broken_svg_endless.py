"""The drawing is as large as a book."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "svg"


class Wrong(Heap):
    def svg(self, seat=None):
        return ('<svg xmlns="http://www.w3.org/2000/svg"><title>Heap</title>' + "<path d='M0 0'/>" * 300_000 + "</svg>")


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
