"""What a configured game of pyspiel means for a GameSpec: for the generator of the table, and for `Game.adapt`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# Partners of the games in which seats win and lose together throughout.
TEAMS: Mapping[str, tuple[tuple[int, ...], ...]] = dict.fromkeys(
    ("bridge", "euchre", "spades", "tiny_bridge_4p"), ((0, 2), (1, 3))
)

# Games whose chance is drawn inside OpenSpiel, from a generator that this parameter seeds.
SEED_PARAMETER: Mapping[str, str] = dict.fromkeys(
    ("bridge_uncontested_bidding", "negotiation", "stones_and_gems", "tarok"), "rng_seed"
)

_UTILITY = {"ZERO_SUM": "zero", "CONSTANT_SUM": "constant", "GENERAL_SUM": "general", "IDENTICAL": "identical"}


def is_sampled(kind: Any) -> bool:
    """Say whether chance is drawn inside OpenSpiel."""
    return bool(kind.chance_mode.name == "SAMPLED_STOCHASTIC")


def fields_of(game: Any) -> dict[str, Any]:
    """Return the fields of a GameSpec that follow from a pyspiel.Game."""
    kind = game.get_type()
    seats = game.num_players()
    return {
        "min_seats": seats,
        "max_seats": seats,
        "default_seats": seats,
        # Decisions and chance nodes: more than the turns there can be, also where a game counts its length otherwise.
        "max_turns": game.max_move_number(),
        "dynamics": kind.dynamics.name.lower(),
        # One-shot games hide nothing: seats act at once, and there is nothing before it.
        "information": "hidden" if kind.information.name == "IMPERFECT_INFORMATION" else "perfect",
        "chance": kind.chance_mode.name != "DETERMINISTIC",
        "utility": _UTILITY[kind.utility.name],
        # OpenSpiel's bounds are those of finished matches; an unfinished one may still stand at nothing.
        "min_score": min(0.0, game.min_utility()),
        "max_score": max(0.0, game.max_utility()),
        # A generator inside OpenSpiel is seeded once a match: a branch cannot get luck of its own.
        "branching": "same-luck" if is_sampled(kind) else "full",
    }
