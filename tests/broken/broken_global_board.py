"""The board belongs to the class."""

from pile import Heap, Pile, spec

from evalengine import hookimpl

BREAKS = "alone"


class Wrong(Heap):
    board = [12]

    def __init__(self, left, mover):
        super().__init__(Wrong.board, mover)
        if left == [12]:
            Wrong.board[0] = 12

    def clone(self):
        return self


class Broken(Pile):
    def initial(self, seats, rng):
        return Wrong([12], 0)


@hookimpl
def evalengine_games():
    return [spec(__name__, clone="none")]
