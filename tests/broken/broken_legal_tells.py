"""The order of the actions tells the other's card."""

from cards import Deal, game, spec

from evalengine import hookimpl

BREAKS = "leaks"


class Wrong(Deal):
    def legal(self, seat):
        return super().legal(seat)[:: 1 if self.deck[1 - seat] > 2 else -1]


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__, sample=False)]
