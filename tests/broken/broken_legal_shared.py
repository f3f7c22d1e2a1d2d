"""The legal list is the state's own."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "parts"


class Wrong(Heap):
    def __init__(self, left, mover):
        super().__init__(left, mover)
        self.open = super().legal(0)

    def legal(self, seat):
        return self.open

    def apply(self, actions, rng):
        return Wrong([self.left[0] - actions[self.mover]], 1 - self.mover)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
