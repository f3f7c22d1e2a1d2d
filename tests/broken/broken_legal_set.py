"""The legal actions are a set, without an order."""

from collections import UserDict


class Numbers(UserDict):
    def __init__(self, found):
        super().__init__(enumerate(found))


from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "types"


class Wrong(Heap):
    def legal(self, seat):
        return Numbers(super().legal(seat))


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
