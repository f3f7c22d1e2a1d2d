"""The spec promises samples, and there are none."""

from evalengine import State

from cards import Deal, game, spec

from evalengine import hookimpl

BREAKS = "sample"


class Wrong(Deal):
    sample = State.sample


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
