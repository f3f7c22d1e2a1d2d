"""The view has 100,000 numbers."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "views"


class Wrong(Heap):
    def view(self, seat):
        return {"left": list(self.left), "table": list(range(100_000))}


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
