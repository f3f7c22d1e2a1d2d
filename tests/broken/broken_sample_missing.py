"""The spec promises samples, and there are none."""

from cards import Deal, game, spec

from evalengine import State, hookimpl

BREAKS = "sample"


class Wrong(Deal):
    sample = State.sample


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
