"""An action is listed that cannot be played."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "plays"


class Wrong(Heap):
    def legal(self, seat):
        return [*super().legal(seat), 9] if self.left[0] == 3 else super().legal(seat)

    def apply(self, actions, rng):
        return {1: super().apply, 2: super().apply, 3: super().apply}[actions[self.mover]](actions, rng)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
