"""True and 1.0 are taken for 1."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "refuse"


class Wrong(Heap):
    def refuse(self, seat, action):
        return None if action in self.legal(seat) else "take 1 to 3"


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
