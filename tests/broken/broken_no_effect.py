"""An action is listed that cannot be done and is passed over."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "legal"


class Wrong(Heap):
    def legal(self, seat):
        return [1, 2, 3] if self.left[0] else []

    def apply(self, actions, rng):
        if actions[self.mover] > self.left[0]:
            return self
        return super().apply(actions, rng)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
