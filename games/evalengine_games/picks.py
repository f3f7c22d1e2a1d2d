"""Picks: ten turns in which each of two seats is offered five numbers of its own and takes one; the sums are compared.

A game to try agents and their containment with: short, with luck, and with something to hide. The numbers 0..99 are
shuffled once; each turn deals five to each seat, and at the end all are dealt. Score: the sum of what a seat took.

Observation: {"offer": [five numbers, ascending], "taken": [what each seat took so far], "sums": [by seat]}.
Action: int, one of the offer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine import Game, State
from evalengine_games import drawing

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

_TURNS, _OFFER = 10, 5
_SEATS = (0, 1)


class Picks(Game):
    """The rules."""

    def initial(self, seats: int, rng: random.Random) -> Table:
        """Return the shuffled deck with nothing taken."""
        return Table(rng.sample(range(100), 100), [[], []])


class Table(State):
    """What was taken, and the deck, which nobody sees; changes itself."""

    __slots__ = ("deck", "taken")

    def __init__(self, deck: list[int], taken: list[list[int]]) -> None:
        self.deck = deck  # turn by turn: five for seat 0, five for seat 1
        self.taken = taken  # by seat

    def _offer(self, seat: int, turn: int) -> list[int]:
        start = (turn * len(_SEATS) + seat) * _OFFER
        return sorted(self.deck[start : start + _OFFER])

    def to_move(self) -> Sequence[int]:
        return _SEATS if len(self.taken[0]) < _TURNS else ()

    def legal(self, seat: int) -> Sequence[int]:
        return self._offer(seat, len(self.taken[0]))

    def apply(self, actions: Mapping[int, int], rng: random.Random) -> Table:
        for seat in _SEATS:
            self.taken[seat].append(actions[seat])
        return self

    def scores(self) -> tuple[float, float]:
        return (float(sum(self.taken[0])), float(sum(self.taken[1])))

    def clone(self) -> Table:
        return Table(self.deck[:], [taken[:] for taken in self.taken])

    def sample(self, seat: int, rng: random.Random) -> Table:
        """Return this position with all numbers shuffled anew that `seat` was not offered and saw nobody take."""
        sampled = self.clone()
        turns = min(len(self.taken[0]) + 1, _TURNS)
        seen = {(turn * len(_SEATS) + seat) * _OFFER + place for turn in range(turns) for place in range(_OFFER)}
        seen |= {self.deck.index(number) for number in self.taken[1 - seat]}
        free = [place for place in range(len(self.deck)) if place not in seen]
        numbers = [self.deck[place] for place in free]
        rng.shuffle(numbers)
        for place, number in zip(free, numbers, strict=True):
            sampled.deck[place] = number
        return sampled

    def view(self, seat: int) -> dict[str, Any]:
        over = len(self.taken[0]) == _TURNS
        offer = [] if over else self._offer(seat, len(self.taken[0]))
        return {
            "offer": offer,
            "taken": [taken[:] for taken in self.taken],
            "sums": [sum(taken) for taken in self.taken],
        }

    def render(self, seat: int | None = None) -> str:
        lines = [f"{len(self.taken[0])} of {_TURNS} turns"]
        for owner in _SEATS:
            line = f"seat {owner}: {' + '.join(map(str, self.taken[owner])) or 'nothing'} = {sum(self.taken[owner])}"
            if seat in (None, owner) and self.to_move():
                line += f", offered {self.legal(owner)}"
            lines.append(line)
        return "\n".join(lines)

    def svg(self, seat: int | None = None) -> str:
        width, height = 2 * _TURNS * drawing.CELL, 3 * drawing.CELL
        shapes = [drawing.rect(0, 0, width, height, drawing.BOARD)]
        for owner in _SEATS:
            middle = (0.75 + 1.5 * owner) * drawing.CELL
            told = str(sum(self.taken[owner]))
            if seat in (None, owner) and self.to_move():
                told += " | " + " ".join(map(str, self.legal(owner)))
            shapes.append(drawing.label(width / 2, middle, told, 28))
        return drawing.document(width, height, shapes, self.render(seat))
