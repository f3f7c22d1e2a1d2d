"""Sides leave a seat out."""

from pile import Pile, spec

from evalengine import hookimpl

BREAKS = "places"


class Broken(Pile):
    def teams(self, seats):
        return [[0], [0]]


@hookimpl
def evalengine_games():
    return [spec(__name__)]
