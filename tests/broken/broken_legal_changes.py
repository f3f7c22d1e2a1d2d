"""Asking for the actions takes the turn."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "looking"


class Wrong(Heap):
    asked = 0

    def legal(self, seat):
        self.asked += 1
        return super().legal(seat)

    def view(self, seat):
        return {"left": list(self.left), "asked": self.asked}


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
