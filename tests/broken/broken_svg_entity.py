"""The drawing declares an entity that grows."""

from pile import Heap, game, spec

from evalengine import hookimpl

BREAKS = "svg"


class Wrong(Heap):
    def svg(self, seat=None):
        return '<!DOCTYPE svg [<!ENTITY a "aaaa">]>' + super().svg(seat).replace("<title>", "<title>&a;")


Broken = game(Wrong)


@hookimpl
def evalengine_games():
    return [spec(__name__)]
