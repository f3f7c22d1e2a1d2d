"""Everybody sees both cards, and nothing says what may be drawn anew."""

from cards import Deal, game, spec

from evalengine import hookimpl

BREAKS = "leaks"


class Wrong(Deal):
    def view(self, seat):
        return {"card": self.deck[seat], "theirs": self.deck[1 - seat], "done": list(self.done)}


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__, sample=False)]
