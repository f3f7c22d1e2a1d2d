"""An entry of the view is not what the view holds."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "views"


class Wrong(Heap):
    def entry(self, seat, name):
        return None if name == "left" else super().entry(seat, name)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
