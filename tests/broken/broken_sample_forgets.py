"""A sample deals the seat's own card anew, too."""

from cards import Deal, game, spec

from evalengine import hookimpl

BREAKS = "sample"


class Wrong(Deal):
    def sample(self, seat, rng):
        deck = list(range(6))
        rng.shuffle(deck)
        return type(self)(deck, self.done)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
