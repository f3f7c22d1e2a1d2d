"""The opening is longer than a match."""

from pile import Pile, spec

from evalengine import hookimpl

BREAKS = "opening"


class Broken(Pile):
    first = 2


@hookimpl
def evalengine_games():
    return [spec(__name__, opening_turns=4)]
