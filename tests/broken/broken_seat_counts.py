"""Three seats are promised, and do not work."""

from pile import Heap, Pile, spec

from evalengine import hookimpl

BREAKS = "plays"


class Broken(Pile):
    def initial(self, seats, rng):
        return (Heap([12], 0), Heap([12], 0))[seats - 2]

    def teams(self, seats):
        return [[0], [1], [2]][:seats]


@hookimpl
def evalengine_games():
    return [spec(__name__, max_seats=4)]
