"""The view has the other's card; sample() is right."""

from cards import Deal, game, spec

from evalengine import hookimpl

BREAKS = "sample"


class Wrong(Deal):
    def view(self, seat):
        return {"card": self.deck[seat], "odd": self.deck[1 - seat] % 2, "done": list(self.done)}


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
