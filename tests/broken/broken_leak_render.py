"""The text for a seat shows both cards."""

from cards import Deal, game, spec

from evalengine import hookimpl

BREAKS = "leaks"


class Wrong(Deal):
    def render(self, seat=None):
        return f"cards {self.deck[:2]}, done {self.done}"


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__, sample=False)]
