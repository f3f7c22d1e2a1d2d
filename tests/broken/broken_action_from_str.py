"""A name is read as another action."""

from pile import Pile, spec

from evalengine import hookimpl

BREAKS = "actions"


class Broken(Pile):
    def action_from_str(self, text):
        return int(text) + 1


@hookimpl
def evalengine_games():
    return [spec(__name__)]
