"""Looking uses something up."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "looking"


class Wrong(Heap):
    def view(self, seat):
        self.looked = getattr(self, "looked", 0) + 1
        return {"left": list(self.left), "looked": self.looked}


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
