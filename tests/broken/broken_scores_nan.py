"""A score is not a number."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "scores"


class Wrong(Heap):
    def scores(self):
        return (float("nan"), 0.0) if not self.left[0] else (0.0, 0.0)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
