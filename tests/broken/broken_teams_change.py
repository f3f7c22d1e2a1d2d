"""Who plays with whom is another each time one asks."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "places"


class Wrong(Heap):
    def apply(self, actions, rng):
        self.left[0] -= actions[self.mover]
        self.mover = (self.mover + 1) % 4
        return self

    def scores(self):
        if self.left[0]:
            return (0.0,) * 4
        return (1.0, -1.0, 1.0, -1.0)


class Broken(game(Wrong)):
    asked = 0

    def teams(self, seats):
        self.asked += 1
        return [[0, 2], [1, 3]] if self.asked % 3 else [[0, 1], [2, 3]]


@hookimpl
def evalengine_games():
    return [spec(__name__, min_seats=4, max_seats=4, default_seats=4, teams=True)]
