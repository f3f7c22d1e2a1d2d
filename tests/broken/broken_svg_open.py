"""The drawing is not well-formed."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "svg"


class Wrong(Heap):
    def svg(self, seat=None):
        return super().svg(seat).replace("</title>", "")


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
