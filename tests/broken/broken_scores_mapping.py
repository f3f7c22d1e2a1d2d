"""Scores are a mapping, of which only the keys would be read."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "scores"


class Wrong(Heap):
    def scores(self):
        return dict(enumerate(super().scores()))


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
