"""The reason of a refusal names the other's card."""

from cards import Deal, game, spec

from evalengine import hookimpl

BREAKS = "leaks"


class Wrong(Deal):
    def refuse(self, seat, action):
        if type(action) is int and action in (0, 1):
            return None
        return f"not against a {self.deck[1 - seat]}"


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
