"""The drawing holds a script."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "svg"


class Wrong(Heap):
    def svg(self, seat=None):
        return super().svg(seat).replace("</svg>", "<script>alert(1)</script></svg>")


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
