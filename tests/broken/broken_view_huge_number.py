"""A number has more than 64 bits."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "views"


class Wrong(Heap):
    def view(self, seat):
        return {"left": self.left[0] << 80}


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
