"""A seat is to move that does not exist."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "types"


class Wrong(Heap):
    def to_move(self):
        return [2] if self.left[0] == 1 else super().to_move()

    def apply(self, actions, rng):
        ((_, action),) = actions.items()
        self.left[0] -= action
        self.mover = 1 - self.mover
        return self


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
