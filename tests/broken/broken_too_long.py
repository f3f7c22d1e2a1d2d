"""A match takes more turns than the spec says."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "ends"


class Wrong(Heap):
    def legal(self, seat):
        return [1] if self.left[0] else []


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__, max_turns=5)]
