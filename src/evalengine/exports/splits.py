"""Splits of data for training: which part a game or an agent falls into, by a hash of its name."""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING, NamedTuple

from evalengine.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMES = {2: ("train", "test"), 3: ("train", "validation", "test")}
_SUM_ERROR = 1e-9
_SPACE = float(1 << 64)


class Split(NamedTuple):
    """Parts by name, each up to its share of the hash's range.

    The part of a game or an agent follows from its name alone: more data never moves it to another part.
    """

    by: str  # "game" or "agent"
    names: tuple[str, ...]
    ends: tuple[float, ...]

    def part(self, unit: str) -> str:
        """Return the part that a game or an agent falls into."""
        share = int.from_bytes(hashlib.blake2b(unit.encode(), digest_size=8, person=b"split").digest()) / _SPACE
        return next((name for name, end in zip(self.names, self.ends, strict=True) if share < end), self.names[-1])

    def part_of_all(self, units: Iterable[str]) -> str | None:
        """Return the part that all of `units` fall into, None when they fall into several."""
        parts = {self.part(unit) for unit in units}
        return parts.pop() if len(parts) == 1 else None


def parse(text: str, by: str) -> Split:
    """Return the split that `0.8,0.1,0.1` stands for.

    Raises:
        UsageError: it is no list of two or three shares that add up to 1.
    """
    try:
        shares = [float(share) for share in text.split(",")]
    except ValueError:
        shares = []
    if len(shares) not in _NAMES or min(shares) <= 0 or not abs(sum(shares) - 1) < _SUM_ERROR:
        msg = f"--split {text}: write two or three shares that add up to 1: 0.9,0.1 (train, test) or 0.8,0.1,0.1"
        raise UsageError(msg)
    return Split(by, _NAMES[len(shares)], tuple(itertools.accumulate(shares)))
