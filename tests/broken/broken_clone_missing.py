"""The spec promises clones, and there are none."""

from evalengine import State

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "clone"


class Wrong(Heap):
    clone = State.clone


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
