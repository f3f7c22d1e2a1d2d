"""A tag says what follows from another field."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "spec"


Broken = game(Heap)


@hookimpl
def evalengine_games():
    return [spec(__name__, tags=("multiplayer",))]
