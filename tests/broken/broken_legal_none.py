"""A seat is to move that has no action."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "plays"


class Wrong(Heap):
    def legal(self, seat):
        return [action for action in super().legal(seat) if action < self.left[0]]


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
