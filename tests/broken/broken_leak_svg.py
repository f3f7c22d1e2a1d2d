"""The drawing for a seat shows both cards."""

from cards import Deal, game, spec

from evalengine import hookimpl

BREAKS = "leaks"


class Wrong(Deal):
    def svg(self, seat=None):
        return f'<svg xmlns="http://www.w3.org/2000/svg"><title>{self.deck[:2]}</title></svg>'


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__, sample=False)]
