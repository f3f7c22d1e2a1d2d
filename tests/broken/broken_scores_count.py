"""There is one score for two seats."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "scores"


class Wrong(Heap):
    def scores(self):
        return (super().scores()[0],)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
