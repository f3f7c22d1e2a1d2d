"""A million actions are listed in each turn."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "plays"


class Wrong(Heap):
    def legal(self, seat):
        return list(range(1, 1_000_000))

    def apply(self, actions, rng):
        return super().apply({self.mover: min(self.left[0], 1 + actions[self.mover] % 3)}, rng)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
