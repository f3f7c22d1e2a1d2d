"""An action is listed twice."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "legal"


class Wrong(Heap):
    def legal(self, seat):
        return [1, *super().legal(seat)] if self.left[0] else []


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
