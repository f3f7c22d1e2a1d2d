"""What a game with one number of seats means for each match of it: sides, whether luck may be drawn, scores, places."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from evalengine.errors import GameError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from evalengine.model import GameSpec, Scores


class _NoLuck:
    """Stands where a generator would, in games that declare no chance."""

    def __init__(self, game: str) -> None:
        self._game = game

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # a game that is copied asks for __deepcopy__; that is no luck
        msg = f"game {self._game!r} drew luck (rng.{name}) but declares none: set chance=True in its GameSpec"
        raise GameError(msg)


class Rules:
    """What holds for every match of a game with so many seats.

    Attributes:
        seats: how many; sides: of play, as tuples of seats; side_of: by seat, the number of its side;
        duel: whether seat 0 plays against seat 1; spec: the game's;
        no_luck: given instead of a generator, None where the game has luck;
        opened: what the last opening was drawn from (seed, turns, turn limit), and its actions by turn.
    """

    def __init__(self, spec: GameSpec, seats: int, teams: Sequence[Sequence[int]]) -> None:
        self.seats = seats
        self.sides = tuple(tuple(side) for side in teams)
        if sorted(seat for side in self.sides for seat in side) != list(range(seats)):
            msg = f"game {spec.name!r}: teams({seats}) must hold each seat once, not {self.sides!r}"
            raise GameError(msg)
        self.side_of = {seat: number for number, side in enumerate(self.sides) for seat in side}
        self.duel = self.sides == ((0,), (1,))
        self.spec = spec
        self.no_luck: Any = None if spec.chance else _NoLuck(spec.name)
        self.opened: tuple[tuple[int, int, int], list[dict[int, Any]]] = (-1, 0, 0), []


def plain_scores(found: Any, rules: Rules) -> Scores:
    """Return what scores() returned as floats, one a seat.

    Raises:
        GameError: they are no such numbers.
    """
    try:
        scores = tuple(map(float, found))
    except (TypeError, ValueError, OverflowError):
        scores = ()
    # A sum is finite only when all its parts are; one that overflows is looked at one by one.
    if len(scores) != rules.seats or not (math.isfinite(sum(scores)) or all(map(math.isfinite, scores))):
        msg = f"game {rules.spec.name!r}: scores() must be {rules.seats} finite numbers, not {found!r}"
        raise GameError(msg)
    return scores


def fallen_scores(scores: Scores, rules: Rules, fallen: Collection[int], *, unplayed: bool) -> Scores:
    """Put min_score for who fell; who was fighting only them wins what there is to win.

    Args:
        fallen: sides; unplayed: the match ended by a fault.
    """
    spec, side_of = rules.spec, rules.side_of
    draw = (spec.min_score + spec.max_score) / 2
    won = spec.max_score if len(rules.sides) - len(fallen) == 1 else draw
    all_or_nothing = unplayed and spec.utility in ("zero", "constant")
    found = []
    for seat, score in enumerate(scores):
        if side_of[seat] in fallen:
            found.append(spec.min_score)
        else:
            found.append(won if all_or_nothing else score)
    return tuple(found)


def places_of(scores: Scores, rules: Rules, fallen: Collection[int], *, unplayed: bool) -> tuple[int, ...]:
    """Return by seat the place of its side, 1 the best; who fell is last.

    Args:
        fallen: sides; unplayed: the match ended by a fault, and nobody else is ahead of anybody.
    """
    means = [
        (side not in fallen, 0.0 if unplayed or side in fallen else mean_of(scores, seats))
        for side, seats in enumerate(rules.sides)
    ]
    place = [1 + sum(other > mine for other in means) for mine in means]
    return tuple(place[rules.side_of[seat]] for seat in range(rules.seats))


def mean_of(scores: Scores, seats: Sequence[int]) -> float:
    """Return the score of a side: the mean of its seats', whatever their order."""
    return math.fsum(scores[seat] for seat in seats) / len(seats)
