"""Asked of a text, refuse() raises."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "refuse"


class Wrong(Heap):
    def refuse(self, seat, action):
        return None if 1 <= action <= min(3, self.left[0]) else "take 1 to 3"


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
