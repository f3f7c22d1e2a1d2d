"""Who opponents are: agents that come with the engine, and an account's own rated submissions.

Of n of one kind, the k-th weakest stands for the percentiles from (k - 1)/n to k/n: every band has somebody, and a
narrow one exactly who stands there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import planning
from evalengine_gertlabs.rollouts.casting import OWN

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Mapping, Sequence

    from evalengine.model import AgentSpec
    from evalengine.planning import ChosenGame
    from evalengine.plugins import Plugins
    from evalengine.web.rows import Rows

SYSTEM = "system"
_LADDER = ("random", "greedy", "minimax(depth=2)", "mcts(simulations=25)", "mcts(simulations=100)")
_SWAPPED = ("random", "greedy", "mcts(simulations=25)", "minimax(depth=2)", "mcts(simulations=100)")
_BY_DISCS = ("minimax(depth=2)", "greedy", "random", "mcts(simulations=25)", "mcts(simulations=100)")
_RANKED = {"tictactoe": _SWAPPED, "connect4": _SWAPPED, "othello": _BY_DISCS}  # where they ranked otherwise
_SLOW = "mcts"
_SEARCHING = "searchable"  # what fits of agents for any game says
_ENDS = 1e-9  # bands that only touch do not share
_NARROWING = ("models", "providers", "created_after", "created_before")


class Member(NamedTuple):
    """An agent of a game's league.

    Attributes:
        ref: as `casting` takes it; low, high: the percentiles that it stands for; source: "system" or "own".
    """

    ref: str
    name: str
    low: float
    high: float
    source: str

    def told(self, seat: str) -> dict[str, Any]:
        """Return what a client is told of who sits in a seat."""
        middle = round((self.low + self.high) / 2, 4)
        return {"seat": seat, "name": self.name, "percentile": middle, "source": self.source}


def system(game: ChosenGame, plugs: Plugins, *, fast: bool = False) -> list[Member]:
    """Return the engine's agents that can play a game, the weakest first.

    Those that search through any game are left out where there are some made for this one: there they take seconds for
    what these do in microseconds.

    Args:
        fast: those only that need next to no time for a turn.
    """
    bundled = plugs.agents()
    own = [name for name, spec in bundled.items() if _is_made_for(spec, game)]
    refs = ["random", *own] if own else _RANKED.get(game.spec.name, _LADDER)
    known = [ref for ref in refs if ref.partition("(")[0] in bundled and not (fast and ref.startswith(_SLOW))]
    found = [(ref, planning.find_agent(ref, plugs, bundled)) for ref in known]
    return _ranked([(ref, spec.name) for ref, spec in found if planning.fits(spec, game)], SYSTEM)


def _is_made_for(spec: AgentSpec, game: ChosenGame) -> bool:
    narrow = spec.opponent and spec.kind == "trusted" and spec.fits and _SEARCHING not in spec.fits
    return bool(narrow) and planning.fits(spec, game)


def own(rows: Rows, owner: str, game: str, pool: Mapping[str, Any]) -> list[Member]:
    """Return an account's rated submissions of a game, the weakest first, those only that a pool leaves in."""
    sql = """select id, digest, entry, model, provider, created from gert_submission
        where owner = ? and game = ? and elo is not null and deleted is null and state = 'ready' order by elo, number"""
    found = [row for row in map(dict, rows.read(sql, owner, game)) if _wanted(row, pool)]
    return _ranked([(f"{OWN}:{row['id']}:{row['digest']}:{row['entry']}", row["id"]) for row in found], OWN)


def is_narrowed(pool: Mapping[str, Any]) -> bool:
    """Say whether a pool is for agents that a model wrote, of which the engine's are none."""
    return any(name in pool for name in _NARROWING)


def _wanted(row: Mapping[str, Any], pool: Mapping[str, Any]) -> bool:
    return (
        row["model"] in pool.get("models", [row["model"]])
        and row["provider"] in pool.get("providers", [row["provider"]])
        and row["created"] > pool.get("created_after", -1.0)
        and row["created"] < pool.get("created_before", float("inf"))
    )


def _ranked(found: Sequence[tuple[str, str]], source: str) -> list[Member]:
    part = 1 / max(1, len(found))
    return [Member(ref, name, k * part, (k + 1) * part, source) for k, (ref, name) in enumerate(found)]


def within(members: Iterable[Member], low: float, high: float) -> list[Member]:
    """Return those who stand in a band; a band of one point has one of each kind, or two at a border."""
    if high - low < _ENDS:
        return [one for one in members if one.low <= low <= one.high]
    return [one for one in members if one.high > low + _ENDS and one.low < high - _ENDS]


def drawn(members: Sequence[Member], seats: Sequence[int], rng: random.Random) -> Mapping[int, Member]:
    """Return who sits where; the same agent may sit in several seats."""
    return {seat: rng.choice(members) for seat in seats}
