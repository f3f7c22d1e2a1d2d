"""Scores are others when they are asked for again."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "places"


class Wrong(Heap):
    counted = 0

    def scores(self):
        self.counted += 1
        one, other = super().scores()
        return (one / self.counted, other / self.counted)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
