"""The whole deck is in the view."""

from cards import Deal, game, spec

from evalengine import hookimpl

BREAKS = "leaks"


class Wrong(Deal):
    def view(self, seat):
        return {"deck": list(self.deck), "done": list(self.done)}


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__, sample=False)]
