"""Scores are not a number before the end."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "scores"


class Wrong(Heap):
    def scores(self):
        return (float("inf"), 0.0) if self.left[0] == 5 else super().scores()


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
