"""Kalah: sow the seeds of one of your six houses one by one, counter-clockwise, past the other seat's store.

The last seed in your own store: you act again. In an empty house of yours with seeds opposite: both go to your store.
When a seat's houses are empty it is over; seeds left belong to their side. Most seeds win.
Rules and action numbers are OpenSpiel's `mancala` (6 houses, 4 seeds).

Observation: {"board": [14 numbers by pit: 0 seat 1's store, 1..6 seat 0's houses, 7 seat 0's store, 8..13 seat 1's
houses; sown upwards, the house opposite to k is 14 - k], "to_move": a seat, or None when it is over}.
Action: int, the pit to sow: 1..6 for seat 0, 8..13 for seat 1.
"""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, Any

from evalengine import Game, State
from evalengine_games import drawing

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

_PITS = 14
_SEEDS = 48
_STORES = (7, 0)  # by seat
_HOUSES = ((1, 2, 3, 4, 5, 6), (8, 9, 10, 11, 12, 13))
_SEATS = ((0,), (1,))
# A position is one integer with a byte a pit, so that sowing is one addition.
_STORE_SHIFTS = tuple(8 * store for store in _STORES)
_HOUSE_MASKS = tuple(sum(255 << 8 * house for house in houses) for houses in _HOUSES)
_START = sum(4 << 8 * house for houses in _HOUSES for house in houses)

_Sowing = tuple[int, int, int, bool]


def _sow(pit: int, seeds: int) -> _Sowing:
    """Return what to add, shifts of the last pit and of the one it may rob (0: none), whether the seat goes on."""
    seat = int(pit > _STORES[0])
    ring = [place for place in range(_PITS) if place != _STORES[1 - seat]]
    start = ring.index(pit)
    sown = [ring[(start + count) % len(ring)] for count in range(1, seeds + 1)]
    change = sum(1 << 8 * place for place in sown) - (seeds << 8 * pit)
    last = sown[-1] if sown else pit
    robbed = 8 * (_PITS - last) if last in _HOUSES[seat] else 0
    return (change, 8 * last, robbed, last == _STORES[seat])


# By pit and number of its seeds; the stores are never sown.
_SOWINGS = tuple(tuple(_sow(pit, seeds) for seeds in range(_SEEDS + 1)) if pit % 7 else () for pit in range(_PITS))


class Kalah(Game):
    """The rules."""

    def initial(self, seats: int, rng: random.Random) -> Board:
        return Board(_START, 0, _SEATS[0])


class Board(State):
    """A position; changes itself."""

    __slots__ = ("movers", "pits", "seat")

    def __init__(self, pits: int, seat: int, movers: Sequence[int]) -> None:
        self.pits = pits
        self.seat = seat
        self.movers = movers

    def to_move(self) -> Sequence[int]:
        return self.movers

    def legal(self, seat: int) -> Sequence[int]:
        if not self.movers:
            return ()
        pits = self.pits.to_bytes(_PITS, "little")
        return tuple(compress(_HOUSES[1], pits[8:]) if self.seat else compress(_HOUSES[0], pits[1:7]))

    def apply(self, actions: Mapping[int, int], rng: random.Random) -> Board:
        seat, pits = self.seat, self.pits
        pit = actions[seat]
        change, last, robbed, again = _SOWINGS[pit][pits >> 8 * pit & 255]
        pits += change
        if robbed and pits >> last & 255 == 1:
            prey = pits >> robbed & 255
            if prey:
                pits += (prey + 1 << _STORE_SHIFTS[seat]) - (prey << robbed) - (1 << last)
        self.pits = pits
        if not again:
            self.seat = seat = 1 - seat
        self.movers = _SEATS[seat] if pits & _HOUSE_MASKS[0] and pits & _HOUSE_MASKS[1] else ()
        return self

    def scores(self) -> tuple[float, float]:
        """Return who has more seeds in store and houses: where seeds lie at the end is whose they are."""
        own = sum(self.pits.to_bytes(_PITS, "little")[1:8])
        if own * 2 == _SEEDS:
            return (0.0, 0.0)
        return (1.0, -1.0) if own * 2 > _SEEDS else (-1.0, 1.0)

    def clone(self) -> Board:
        return Board(self.pits, self.seat, self.movers)

    def view(self, seat: int) -> dict[str, Any]:
        board = list(self.pits.to_bytes(_PITS, "little"))
        return {"board": board, "to_move": self.seat if self.movers else None}

    def render(self, seat: int | None = None) -> str:
        pits = self.pits.to_bytes(_PITS, "little")
        upper = "".join(f"{seeds:4}" for seeds in reversed(pits[8:]))
        lower = "".join(f"{seeds:4}" for seeds in pits[1:7])
        return f"  {upper}\n{pits[0]:2}{pits[7]:28}\n  {lower}"

    def svg(self, seat: int | None = None) -> str:
        pits = self.pits.to_bytes(_PITS, "little")
        cell = drawing.CELL
        shapes = [drawing.rect(0, 0, 8 * cell, 2 * cell, drawing.BOARD, drawing.LINE)]
        for pit, seeds in enumerate(pits):
            x = pit if pit <= _STORES[0] else _PITS - pit
            y = 1.0 if pit % 7 == 0 else 1.5 if pit < _STORES[0] else 0.5
            owner = int(not 0 < pit <= _STORES[0])
            shapes.append(
                drawing.circle((x + 0.5) * cell, y * cell, cell * 0.42, drawing.PAPER, drawing.SEAT_COLOURS[owner])
            )
            shapes.append(drawing.label((x + 0.5) * cell, y * cell, str(seeds)))
        return drawing.document(8 * cell, 2 * cell, shapes, self.render(seat))

    def touches(self, seat: int, action: int) -> list[tuple[float, float, float, float]]:
        return [drawing.cell(*((action, 1) if action < _STORES[0] else (_PITS - action, 0)))]
