"""A turn takes a third of a second."""

from time import process_time

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "speed"


class Wrong(Heap):
    def apply(self, actions, rng):
        until = process_time() + 0.3
        while process_time() < until:
            pass
        self.left[0] = 0
        return self


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
