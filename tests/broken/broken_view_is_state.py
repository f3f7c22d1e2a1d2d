"""The view holds the state's own list."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "parts"


class Wrong(Heap):
    def view(self, seat):
        return {"left": self.left, "mover": self.mover}


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
