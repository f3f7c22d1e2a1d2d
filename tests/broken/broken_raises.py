"""A position is possible in which view() fails."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "plays"


class Wrong(Heap):
    def view(self, seat):
        return {"left": self.left, "share": 12 // (self.left[0] - 1)}


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
