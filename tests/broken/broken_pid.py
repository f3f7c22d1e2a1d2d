"""Who wins depends on the number of the process."""

import os
from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "random"


class Wrong(Heap):
    def legal(self, seat):
        return super().legal(seat)[:: 1 if os.getpid() % 2 else -1]


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
