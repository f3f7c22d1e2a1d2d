"""It starts a thread."""

import threading

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "process"


class Wrong(Heap):
    def apply(self, actions, rng):
        threading.Thread(target=int, daemon=True).start()
        return super().apply(actions, rng)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
