"""An action is listed that is refused."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "legal"


class Wrong(Heap):
    def legal(self, seat):
        return [1, 2, 3] if self.left[0] else []

    def refuse(self, seat, action):
        if type(action) is int and 1 <= action <= min(3, self.left[0]):
            return None
        return "take 1 to 3"

    def apply(self, actions, rng):
        self.left[0] = max(0, self.left[0] - actions[self.mover])
        self.mover = 1 - self.mover
        return self


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
