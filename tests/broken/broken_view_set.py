"""The view holds a set."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "views"


class Wrong(Heap):
    def view(self, seat):
        return {"left": set(self.left)}


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
