"""Seats are numpy's numbers."""

import numpy

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "types"


class Wrong(Heap):
    def to_move(self):
        return [numpy.int64(seat) for seat in super().to_move()]


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
