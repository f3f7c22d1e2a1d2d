"""It asks a server."""

import contextlib
import socket

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "network"


class Wrong(Heap):
    def apply(self, actions, rng):
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.connect(("127.0.0.1", 9))
        return super().apply(actions, rng)


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
