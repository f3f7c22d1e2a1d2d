"""It starts a program."""

import subprocess

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "process"


class Wrong(Heap):
    def clone(self):
        subprocess.run(["true"], check=False)
        return super().clone()

    def apply(self, actions, rng):
        subprocess.run(["true"], check=False)
        return super().apply(actions, rng)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
