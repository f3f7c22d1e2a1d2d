"""A loop does not end."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "plays"


class Wrong(Heap):
    def apply(self, actions, rng):
        while self.left[0]:
            pass
        return self


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
