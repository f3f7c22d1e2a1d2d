"""What follows from the size of a board: neighbours, masks, texts of points and hash keys.

A point is its number, row * size + column from the top left. In a mask it is bit row * (size + 1) + column: the spare
bit after each row keeps points apart that lie in different rows, so that four shifts look around all points at once.
"""

from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

COLOURS = "BW"  # by seat
COLUMNS = "ABCDEFGHJKLMNOPQRST"  # without I, as people and the Go Text Protocol write them
_HASH_BITS = 64


class Tables:
    """The constants of one size."""

    __slots__ = (
        "_point_of",
        "around",
        "bits",
        "diagonal",
        "empty",
        "keys",
        "near",
        "points",
        "size",
        "stride",
        "turn_key",
        "vertices",
    )

    def __init__(self, size: int) -> None:
        self.size = size
        self.stride = size + 1
        self.points = size * size  # how many; also the number of the pass
        points = range(self.points)
        self.bits = [1 << point // size * self.stride + point % size for point in points]
        self.empty = sum(self.bits)
        self._point_of = {bit.bit_length(): point for point, bit in enumerate(self.bits)}
        self.around = [self._beside(point, ((-1, 0), (0, -1), (0, 1), (1, 0))) for point in points]
        self.diagonal = [self._beside(point, ((-1, -1), (-1, 1), (1, -1), (1, 1))) for point in points]
        self.near = [sum(self.bits[other] for other in around) for around in self.around]
        self.vertices = [f"{COLUMNS[point % size]}{size - point // size}" for point in points] + ["pass"]
        # The hash of a position is the keys of its stones, put together by exclusive or (Zobrist 1970).
        # A match has under 1,100 positions; that two of them share one of 2**64 hashes has a probability of 3e-14.
        rng = random.Random(f"evalengine-go {size}")
        self.keys = [[rng.getrandbits(_HASH_BITS) for _ in points] for _ in COLOURS]
        self.turn_key = rng.getrandbits(_HASH_BITS)  # white is to move

    def _beside(self, point: int, steps: Iterable[tuple[int, int]]) -> tuple[int, ...]:
        row, column = divmod(point, self.size)
        beside = ((row + down, column + right) for down, right in steps)
        return tuple(r * self.size + c for r, c in beside if 0 <= r < self.size and 0 <= c < self.size)

    def points_of(self, mask: int) -> list[int]:
        """Return the points of a mask, the last one first."""
        found = []
        while mask:
            length = mask.bit_length()
            found.append(self._point_of[length])
            mask ^= 1 << length - 1
        return found

    def grown(self, mask: int, within: int) -> int:
        """Return `mask` with all points of `within` that hang together with it."""
        stride = self.stride
        while True:
            more = mask | (mask << 1 | mask >> 1 | mask << stride | mask >> stride) & within
            if more == mask:
                return mask
            mask = more


tables = cache(Tables)
