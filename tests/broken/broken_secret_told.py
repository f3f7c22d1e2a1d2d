"""One seat thinks of a number that the other guesses, and sees."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "leaks"


class Wrong(Heap):
    def __init__(self, left, mover, said=()):
        super().__init__(left, mover)
        self.said = said

    def to_move(self):
        return [len(self.said)] if len(self.said) < 2 else []

    def legal(self, seat):
        return list(range(9)) if self.to_move() else []

    def apply(self, actions, rng):
        return Wrong(self.left, 0, (*self.said, *actions.values()))

    def view(self, seat):
        return {"said": list(self.said)}

    def scores(self):
        return (-1.0, 1.0) if len(set(self.said)) == 1 else (1.0, -1.0) if self.said[1:] else (0.0, 0.0)

    def clone(self):
        return self

    def render(self, seat=None):
        return f"{len(self.said)} said"


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__, information="hidden")]
