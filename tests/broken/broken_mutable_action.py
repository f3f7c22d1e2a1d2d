"""It changes the action that it was given."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "replay"


class Wrong(Heap):
    def legal(self, seat):
        return [[action] for action in super().legal(seat)]

    def apply(self, actions, rng):
        ((seat, action),) = actions.items()
        super().apply({seat: action[0]}, rng)
        action.append("done")
        return self


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
