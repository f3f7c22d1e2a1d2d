"""The drawing runs code when it is clicked."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "svg"


class Wrong(Heap):
    def svg(self, seat=None):
        return super().svg(seat).replace("<title>", '<g onclick="alert(1)"/><title>')


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
