"""Scores leave the declared bounds."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "scores"


class Wrong(Heap):
    def scores(self):
        one, other = super().scores()
        return (one * 10, other * 10)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
