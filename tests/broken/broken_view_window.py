"""The view is a read-only window on the board, which changes as the match goes on."""

import numpy as np
from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "parts"


class Wrong(Heap):
    def __init__(self, left, mover):
        super().__init__(np.array(left), mover)

    def legal(self, seat):
        return list(range(1, min(3, int(self.left[0])) + 1))

    def view(self, seat):
        window = self.left[:]
        window.flags.writeable = False
        return {"left": window, "mover": self.mover}


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
