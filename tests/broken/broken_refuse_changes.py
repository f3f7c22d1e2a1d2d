"""A refused action costs the turn."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "refuse"


class Wrong(Heap):
    def refuse(self, seat, action):
        reason = super().refuse(seat, action)
        if reason:
            self.mover = 1 - self.mover
        return reason


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
