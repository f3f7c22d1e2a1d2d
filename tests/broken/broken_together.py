"""Two seats move at once in a game that says sequential."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "types"


class Wrong(Heap):
    def to_move(self):
        return [0, 1] if self.left[0] else []

    def apply(self, actions, rng):
        self.left[0] -= min(self.left[0], sum(actions.values()))
        return self


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
