"""The text of a position has a million characters."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "text"


class Wrong(Heap):
    def render(self, seat=None):
        return "x" * 3_000_000


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
