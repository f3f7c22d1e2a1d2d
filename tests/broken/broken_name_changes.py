"""An action is called otherwise each time."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "actions"


class Wrong(Heap):
    pass


class Broken(game(Wrong)):
    asked = 0

    def action_to_str(self, action):
        Broken.asked += 1
        return f"take {action} ({Broken.asked})"


@hookimpl
def evalengine_games():
    return [spec(__name__)]
