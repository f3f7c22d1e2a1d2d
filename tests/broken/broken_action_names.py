"""Two actions have one name."""

from pile import Pile, spec

from evalengine import hookimpl

BREAKS = "actions"


class Broken(Pile):
    def action_to_str(self, action):
        return "some" if action > 1 else "one"


@hookimpl
def evalengine_games():
    return [spec(__name__)]
