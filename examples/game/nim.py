"""Nim: seats in turn take objects from one heap, as many as they like; who takes the last object wins.

A game plugin in one file, to copy:

    evalengine run --games ./nim.py -n 100

Heaps have 1, 3, 5, ... objects. Solved by C. L. Bouton, "Nim, a game with a complete mathematical theory" (1901).

Observation: {"heaps": [objects left, by heap]}.
Action: int, heap * 100 + objects to take; heaps from 0, at least one object.
"""

# ruff: noqa: ARG002 - the contract fixes the arguments, this game needs no luck and shows all seats the same

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalengine import Game, GameSpec, State, hookimpl

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

_HEAP = 100  # an action is heap * _HEAP + objects
_SEATS = ((0,), (1,))

SPEC = GameSpec(
    name="nim",
    version="1",  # to change whenever a recorded match would replay differently
    doc="Seats in turn take any number of objects from one of the heaps of 1, 3, 5, ... objects.\n"
    "Who takes the last object wins; there are no draws.\n"
    "An action is heap * 100 + objects to take, heaps from 0.",
    factory="nim:Nim",
    config={
        "heaps": {
            "type": "integer",
            "default": 4,
            "minimum": 1,
            "maximum": 20,
            "description": "heaps at the start: 1, 3, 5, ... objects",
        }
    },
    max_turns=16,
    tags=("strategy",),
)


@hookimpl
def evalengine_games() -> Sequence[GameSpec]:
    """List the games of this plugin."""
    return [SPEC]


class Nim(Game):
    """The rules; made with the parameters of the spec's `config`."""

    def __init__(self, heaps: int) -> None:
        self.heaps = tuple(range(1, 2 * heaps, 2))

    def adapt(self, spec: GameSpec) -> GameSpec:
        """Return the spec for so many heaps: each turn takes an object at least."""
        return replace(spec, max_turns=sum(self.heaps))

    def initial(self, seats: int, rng: random.Random) -> Heaps:
        """Return the full heaps."""
        return Heaps(self.heaps, 0)

    def action_to_str(self, action: int) -> str:
        """Return the action as people write it: 2x3 takes 3 objects from heap 2."""
        heap, objects = divmod(action, _HEAP)
        return f"{heap}x{objects}"


class Heaps(State):
    """A position; immutable, so `apply` returns a new one and a clone is the position itself."""

    __slots__ = ("heaps", "turn")

    def __init__(self, heaps: tuple[int, ...], turn: int) -> None:
        self.heaps = heaps
        self.turn = turn

    def to_move(self) -> Sequence[int]:
        """Return the seat that is to move; none when all is taken."""
        return _SEATS[self.turn % 2] if any(self.heaps) else ()

    def legal(self, seat: int) -> list[int]:
        """Return the actions of the seat that is to move; `refuse` follows from it."""
        return [heap * _HEAP + take for heap, left in enumerate(self.heaps) for take in range(1, left + 1)]

    def apply(self, actions: Mapping[int, int], rng: random.Random) -> Heaps:
        """Return the position after the action of the seat that was to move."""
        heap, objects = divmod(actions[self.turn % 2], _HEAP)
        left = list(self.heaps)
        left[heap] -= objects
        return Heaps(tuple(left), self.turn + 1)

    def scores(self) -> tuple[float, float]:
        """Return 1 for who took the last object and -1 for the other; 0 each before."""
        if any(self.heaps):
            return (0.0, 0.0)
        return (1.0, -1.0) if self.turn % 2 else (-1.0, 1.0)

    def clone(self) -> Heaps:
        """Return this position: nothing in it changes."""
        return self

    def view(self, seat: int) -> dict[str, Any]:
        """Return what any seat sees: msgpack values only, so a list and no tuple."""
        return {"heaps": list(self.heaps)}

    def render(self, seat: int | None = None) -> str:
        """Return a line a heap."""
        return "\n".join(f"{heap}: {'|' * left}" for heap, left in enumerate(self.heaps))
