"""Both get points in a game that says zero-sum."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "utility"


class Wrong(Heap):
    def scores(self):
        return (0.5, 1.0) if not self.left[0] else (0.0, 0.0)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
