"""It raises what no one catches."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "plays"


class Stop(BaseException):
    pass


class Wrong(Heap):
    def apply(self, actions, rng):
        if self.left[0] < 3:
            raise Stop
        return super().apply(actions, rng)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
