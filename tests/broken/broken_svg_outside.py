"""The drawing asks for a picture from outside."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "svg"


class Wrong(Heap):
    def svg(self, seat=None):
        return super().svg(seat).replace("</svg>", '<image href="https://example.org/x.png"/></svg>')


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
