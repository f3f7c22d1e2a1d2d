"""The order of the actions is that of a set of texts."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "hashing"


class Wrong(Heap):
    def legal(self, seat):
        return list({str(action) for action in super().legal(seat)})

    def apply(self, actions, rng):
        return super().apply({seat: int(action) for seat, action in actions.items()}, rng)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
