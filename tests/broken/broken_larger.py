"""A larger board needs more turns than the spec says."""

from pile import Heap, Pile, spec

from evalengine import hookimpl

BREAKS = "configurations"


class Broken(Pile):
    def __init__(self, counters):
        self.first = counters

    def initial(self, seats, rng):
        return Wrong([self.first], 0)


class Wrong(Heap):
    def legal(self, seat):
        return [1] if self.left[0] else []


@hookimpl
def evalengine_games():
    return [spec(__name__, config={"counters": {"type": "integer", "default": 12, "maximum": 30, "description": "at first"}})]
