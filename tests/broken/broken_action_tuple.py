"""Actions are tuples, which come back as lists."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "actions"


class Wrong(Heap):
    def legal(self, seat):
        return [(action,) for action in super().legal(seat)]

    def apply(self, actions, rng):
        ((seat, (action,)),) = actions.items()
        return super().apply({seat: action}, rng)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
