"""The view holds a tuple, which comes back as a list."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "views"


class Wrong(Heap):
    def view(self, seat):
        return {"left": tuple(self.left)}


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
