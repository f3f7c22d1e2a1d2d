"""It prints what it does."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "prints"


class Wrong(Heap):
    def apply(self, actions, rng):
        print("turn of", self.mover)
        return super().apply(actions, rng)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
