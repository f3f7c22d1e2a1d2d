"""refuse() answers whether, not why."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "refuse"


class Wrong(Heap):
    def refuse(self, seat, action):
        return None if type(action) is int and action in self.legal(seat) else True


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
