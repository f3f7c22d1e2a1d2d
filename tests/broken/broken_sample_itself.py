"""A sample is the position itself."""

from cards import Deal, game, spec

from evalengine import hookimpl

BREAKS = "sample"


class Wrong(Deal):
    def sample(self, seat, rng):
        return self


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
