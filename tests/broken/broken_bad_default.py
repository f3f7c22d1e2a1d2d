"""A parameter's default is out of its bounds."""

from pile import Pile, spec

from evalengine import hookimpl

BREAKS = "spec"


class Broken(Pile):
    def __init__(self, counters):
        self.first = counters


@hookimpl
def evalengine_games():
    return [spec(__name__, config={"counters": {"type": "integer", "default": 12, "minimum": 20}})]
