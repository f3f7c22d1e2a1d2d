"""It asks what day it is."""

from datetime import datetime

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "clock"


class Wrong(Heap):
    def legal(self, seat):
        return super().legal(seat)[: 1 + datetime.now().day]


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
