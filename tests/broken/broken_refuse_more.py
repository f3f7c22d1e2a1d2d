"""More is accepted than is listed."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "refuse"


class Wrong(Heap):
    def refuse(self, seat, action):
        return None if type(action) is int and 1 <= action <= 4 else "take 1 to 3"


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
