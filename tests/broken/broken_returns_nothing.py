"""apply() forgets to return the state."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "plays"


class Wrong(Heap):
    def apply(self, actions, rng):
        super().apply(actions, rng)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
