"""The spec says that all get the same."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "utility"


class Wrong(Heap):
    pass


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__, utility="identical")]
