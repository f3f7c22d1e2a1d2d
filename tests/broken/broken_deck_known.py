"""Perfect, says the spec, but the cards that come were shuffled at the start."""

from cards import Deal, game, spec

from evalengine import hookimpl

BREAKS = "leaks"


class Wrong(Deal):
    def view(self, seat):
        return {"table": self.deck[: len(self.done)], "done": list(self.done)}


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__, information="perfect", sample=False)]
