"""adapt() forgets to return the spec."""

from pile import Pile, spec

from evalengine import hookimpl

BREAKS = "spec"


class Broken(Pile):
    def adapt(self, spec):
        pass


@hookimpl
def evalengine_games():
    return [spec(__name__)]
