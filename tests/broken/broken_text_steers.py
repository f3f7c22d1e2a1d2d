"""The text steers terminals."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "text"


class Wrong(Heap):
    def render(self, seat=None):
        return f"\x1b[31m{self.left}"


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
