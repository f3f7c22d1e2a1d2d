"""Cards are hidden, but the spec says that information is perfect."""

from cards import Deal, game, spec

from evalengine import hookimpl

BREAKS = "leaks"


class Wrong(Deal):
    pass


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__, information="perfect", sample=False)]
