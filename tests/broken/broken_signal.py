"""It takes Ctrl-C for itself."""

import signal
from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "process"


class Wrong(Heap):
    def apply(self, actions, rng):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return super().apply(actions, rng)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
