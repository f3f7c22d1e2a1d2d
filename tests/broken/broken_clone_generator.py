"""Clones share a generator that was kept from the start."""

import random

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "clone"


class Wrong(Heap):
    def __init__(self, left, mover, luck=None):
        super().__init__(left, mover)
        self.luck = luck or random.Random(1)

    def apply(self, actions, rng):
        self.left[0] -= min(self.left[0], actions[self.mover] + self.luck.randrange(2))
        self.mover = 1 - self.mover
        return self

    def clone(self):
        return Wrong(list(self.left), self.mover, self.luck)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__, chance=True)]
