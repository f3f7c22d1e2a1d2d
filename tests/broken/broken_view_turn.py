"""The view has a key that the observation has itself."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "views"


class Wrong(Heap):
    def view(self, seat):
        return {"left": list(self.left), "turn": -1}


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
