"""Who opponents are: the agents that come with the engine, in an order of strength, each a part of the percentiles.

Of n agents that can play a game the k-th weakest stands for the percentiles from (k - 1)/n to k/n: every band has
somebody, and a narrow one exactly who stands there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import planning
from evalengine.builtin.agents import AGENTS

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from evalengine.planning import ChosenGame
    from evalengine.plugins import Plugins

_LADDER = ("random", "greedy", "minimax(depth=2)", "mcts(simulations=25)", "mcts(simulations=100)")
_SLOW = "mcts"
_ENDS = 1e-9  # bands that only touch do not share


class Member(NamedTuple):
    """An agent of a game's league.

    Attributes:
        ref: as `planning.find_agent` takes it; low, high: the percentiles that it stands for.
    """

    ref: str
    name: str
    low: float
    high: float

    def told(self, seat: str) -> dict[str, Any]:
        """Return what a client is told of who sits in a seat."""
        return {
            "seat": seat, "name": self.name, "percentile": round((self.low + self.high) / 2, 4), "source": "system",
        }  # fmt: skip


def league(game: ChosenGame, plugs: Plugins, *, fast: bool = False) -> list[Member]:
    """Return who can play a game, the weakest first.

    Args:
        fast: those only that need next to no time for a turn.
    """
    bundled = plugs.agents()
    own = [spec.name for spec in AGENTS if spec.fits == game.spec.name and spec.name in bundled]
    refs = [ref for ref in (*_LADDER[:1], *own, *_LADDER[1:]) if not (fast and ref.startswith(_SLOW))]
    found = [(ref, planning.find_agent(ref, plugs, bundled)) for ref in refs if ref.partition("(")[0] in bundled]
    fitting = [(ref, spec.name) for ref, spec in found if planning.fits(spec, game)]
    part = 1 / max(1, len(fitting))
    return [Member(ref, name, place * part, (place + 1) * part) for place, (ref, name) in enumerate(fitting)]


def within(members: Sequence[Member], low: float, high: float) -> list[Member]:
    """Return those who stand in a band; a band of one point has one, or two at a border."""
    if high - low < _ENDS:
        return [one for one in members if one.low <= low <= one.high]
    return [one for one in members if one.high > low + _ENDS and one.low < high - _ENDS]


def drawn(members: Sequence[Member], seats: Sequence[int], rng: random.Random) -> Mapping[int, Member]:
    """Return who sits where; the same agent may sit in several seats."""
    return {seat: rng.choice(members) for seat in seats}
