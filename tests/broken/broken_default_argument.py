"""All matches add to one list, the default of an argument."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "alone"


class Wrong(Heap):
    def __init__(self, left, mover, done=[]):
        super().__init__(left, mover)
        self.done = done

    def apply(self, actions, rng):
        self.done.append(actions[self.mover])
        return super().apply(actions, rng)

    def view(self, seat):
        return {"left": list(self.left), "done": list(self.done)}


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
