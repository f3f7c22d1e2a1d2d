"""The view is an array of objects."""

import numpy as np
from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "views"


class Wrong(Heap):
    def view(self, seat):
        return {"left": np.array([self.left[0], None], dtype=object)}


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
