"""The class cannot be made."""

from pile import Pile, spec

from evalengine import hookimpl

BREAKS = "spec"


class Broken(Pile):
    def __init__(self, counters):
        self.first = counters


@hookimpl
def evalengine_games():
    return [spec(__name__)]
