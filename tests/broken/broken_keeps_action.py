"""It keeps the action that it was given, and changes it later."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "replay"


class Wrong(Heap):
    kept = None

    def legal(self, seat):
        return [[n] for n in super().legal(seat)]

    def apply(self, actions, rng):
        if self.kept is not None:
            self.kept.append(0)
        self.kept = actions[self.mover]
        return super().apply({self.mover: self.kept[0]}, rng)

    def clone(self):
        return Wrong(list(self.left), self.mover)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
