"""Actions are members of an enumeration."""

import enum
from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "actions"


class Take(enum.IntEnum):
    ONE = 1
    TWO = 2
    THREE = 3


class Wrong(Heap):
    def legal(self, seat):
        return [Take(n) for n in super().legal(seat)]


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
