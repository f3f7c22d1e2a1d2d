"""The spec promises clones, and there are none."""

from pile import Heap, game, spec

from evalengine import State, hookimpl

BREAKS = "clone"


class Wrong(Heap):
    clone = State.clone


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
