"""The sum is not the constant that the spec says."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "utility"


class Wrong(Heap):
    def scores(self):
        return (1.0, 0.0) if self.mover else (0.0, 0.5)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__, utility="constant", min_score=0.0)]
