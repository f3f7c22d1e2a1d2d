"""The view is an object that does not travel."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "views"


class Wrong(Heap):
    def view(self, seat):
        return {"heap": self}


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
