"""Results in match_no order, summed up by rotation: constant memory, whole numbers, so chunks never matter."""

from __future__ import annotations

import json
import zlib
from typing import Any

from evalengine.errors import ConfigError

POINTS = {0: 0, 0.5: 1, 1: 2}  # as counted: half points


class RotationCounts:
    """The counts by class of each pair of agents; what an incomplete rotation holds waits, or is set aside.

    A cell plays one rotation after the other, so one open rotation a pair is all that is ever kept. A pair is named
    in one order; results in the other order are turned round.
    """

    def __init__(self, size: int = 2) -> None:
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            msg = f"a rotation has {size!r} matches. Give 1 for matches that stand alone, 2 where both take both seats."
            raise ConfigError(msg)
        self.size = size
        self.pairs: dict[tuple[str, str], list[int]] = {}
        self.unpaired = 0  # matches of rotations that were never completed: outside these counts
        self.fed = 0
        self._next_no = 0
        self._open: dict[tuple[str, str], tuple[int, list[int]]] = {}

    def feed(self, match_no: int, pair: tuple[str, str], rotation: int, points: float | None) -> bool:
        """Count one match; tell whether it completed a rotation.

        `points` are the first agent's: 0, 0.5 or 1; None for a void, which leaves its rotation incomplete.

        Raises:
            ConfigError: not in match_no order, or points of another game than of two sides.
        """
        if match_no < self._next_no:
            msg = f"match {match_no} came after match {self._next_no - 1}. Give results in match_no order."
            raise ConfigError(msg)
        half_points = None if points is None else _half_points(points)
        self._next_no = match_no + 1
        self.fed += 1
        first, second = pair
        if first > second:
            pair, half_points = (second, first), None if half_points is None else 2 - half_points
        return self._count(pair, rotation, half_points)

    def _count(self, pair: tuple[str, str], rotation: int, half_points: int | None) -> bool:
        opened, held = self._open.get(pair, (rotation, []))
        if opened != rotation:
            self.unpaired += len(held)
            held = []
        if half_points is not None:
            held = [*held, half_points]
        if len(held) < self.size:
            self._open[pair] = rotation, held
            return False
        self._open.pop(pair, None)
        self.pairs.setdefault(pair, [0] * (2 * self.size + 1))[sum(held)] += 1
        return True

    def state(self) -> dict[str, Any]:
        """Return all that is held, of JSON's own types."""
        return {
            "size": self.size,
            "next_no": self._next_no,
            "fed": self.fed,
            "unpaired": self.unpaired,
            "pairs": [[*pair, *counts] for pair, counts in sorted(self.pairs.items())],
            "open": [[*pair, rotation, *held] for pair, (rotation, held) in sorted(self._open.items())],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> RotationCounts:
        """Return what `state` was made of."""
        made = cls(state["size"])
        made._next_no, made.fed, made.unpaired = state["next_no"], state["fed"], state["unpaired"]
        made.pairs = {(first, second): counts for first, second, *counts in state["pairs"]}
        made._open = {(first, second): (rotation, held) for first, second, rotation, *held in state["open"]}
        return made


def _half_points(points: float) -> int:
    try:
        return POINTS[points]
    except (KeyError, TypeError):
        msg = f"a match gave its first agent {points!r} points. Give 0, 0.5 or 1: stopping rules are for two sides."
        raise ConfigError(msg) from None


def packed(state: dict[str, Any]) -> bytes:
    """Return a state as bytes with a checksum, the same for the same state."""
    text = json.dumps(state, sort_keys=True, separators=(",", ":")).encode()
    return b"%08x " % zlib.crc32(text) + text


def unpacked(blob: bytes) -> dict[str, Any]:
    """Return the state that `packed` was given.

    Raises:
        ValueError: it is damaged.
    """
    crc, _, text = blob.partition(b" ")
    if crc != b"%08x" % zlib.crc32(text):
        msg = "its checksum is wrong"
        raise ValueError(msg)
    state: dict[str, Any] = json.loads(text)
    return state
