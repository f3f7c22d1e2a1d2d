"""Nothing tells the rules."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "spec"


Broken = game(Heap)


@hookimpl
def evalengine_games():
    return [spec(__name__, doc="")]
