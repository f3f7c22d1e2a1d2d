"""An entry that no view has tells the whole deck."""

from cards import Deal, game, spec

from evalengine import hookimpl

BREAKS = "views"


class Wrong(Deal):
    def entry(self, seat, name):
        return getattr(self, name) if name == "deck" else super().entry(seat, name)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
