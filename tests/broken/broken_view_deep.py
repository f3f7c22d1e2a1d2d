"""The view is a list in a list, three thousand times."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "plays"


class Wrong(Heap):
    def view(self, seat):
        deep = self.left[0]
        for _ in range(3000):
            deep = [deep]
        return {"left": deep}


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
