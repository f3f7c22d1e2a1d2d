"""The view holds all that ever was."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "views"


class Wrong(Heap):
    past = ()

    def apply(self, actions, rng):
        self.past = (*self.past, "x" * 40_000)
        return super().apply(actions, rng)

    def view(self, seat):
        return {"left": list(self.left), "past": list(self.past)}


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
