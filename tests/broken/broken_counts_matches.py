"""Every second match begins with another heap."""

from pile import Heap, Pile, spec

from evalengine import hookimpl

BREAKS = "seed"


class Broken(Pile):
    def initial(self, seats, rng):
        PLAYED.append(1)
        return Heap([12 - len(PLAYED) % 2], 0)


PLAYED = []


@hookimpl
def evalengine_games():
    return [spec(__name__)]
