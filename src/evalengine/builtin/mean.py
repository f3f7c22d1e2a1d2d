"""The mean score, for games whose scores count and not only who was first."""

from __future__ import annotations

import struct
import zlib
from math import sqrt
from typing import TYPE_CHECKING, ClassVar

from evalengine import Rater, RaterInfo

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalengine import Rated

_HEAD = b"mean\1"
_CRC = struct.Struct("<I")


class Mean(Rater):
    """Rate by scores: the mean, and as sigma its standard error.

    The error is 0 below two results, where it is unknown; so is the rating of an agent without any. A result with one
    agent on two sides changes nothing.
    """

    info: ClassVar[RaterInfo] = RaterInfo(
        name="mean",
        doc="The mean score; sigma is its standard error, 0 below two results.",
        ffa=True,
        scores=True,
    )

    def __init__(self) -> None:
        """Begin with no results."""
        # By agent; the number as a float, so that the state is one array.
        self._matches: list[float] = []
        self._means: list[float] = []
        self._squares: list[float] = []  # sum of squared deviations from the mean

    def update(self, results: Iterable[Rated]) -> None:
        """Take results in match_no order; chunking never matters."""
        matches, means, squares = self._matches, self._means, self._squares
        for agents, _, scores in results:
            sides = len(agents)
            if sides > 1 and (agents[0] == agents[1] or (sides > 2 and len(set(agents)) < sides)):  # noqa: PLR2004 - no set for two
                continue
            for agent, score in zip(agents, scores, strict=True):
                if agent >= len(means):
                    self._grow(agent)
                # Welford (1962), Note on a method for calculating corrected sums of squares and products.
                matches[agent] = count = matches[agent] + 1.0
                off = score - means[agent]
                means[agent] = mean = means[agent] + off / count
                squares[agent] += off * (score - mean)

    def _grow(self, agent: int) -> None:
        for column in (self._matches, self._means, self._squares):
            column.extend([0.0] * (agent + 1 - len(column)))

    def rating(self, agent: int) -> tuple[float, float]:
        """Return (mean score, its standard error) of an agent by its index."""
        if agent >= len(self._means):
            return 0.0, 0.0
        count = self._matches[agent]
        error = sqrt(self._squares[agent] / (count - 1) / count) if count > 1 else 0.0
        return self._means[agent], error

    def dump(self) -> bytes:
        """Return version, the three columns and a checksum."""
        state = _HEAD + struct.pack(f"<{3 * len(self._means)}d", *self._matches, *self._means, *self._squares)
        return state + _CRC.pack(zlib.crc32(state))

    def load(self, state: bytes) -> None:
        """Continue from what `dump` returned.

        Raises:
            ValueError: it is damaged or of another rater.
        """
        head, body, crc = state[: len(_HEAD)], state[len(_HEAD) : -_CRC.size], state[-_CRC.size :]
        if head != _HEAD or len(body) % 24 or crc != _CRC.pack(zlib.crc32(head + body)):
            msg = "this is no state of rater 'mean'; rate the stored results anew"
            raise ValueError(msg)
        values = struct.unpack(f"<{len(body) // 8}d", body)
        agents = len(values) // 3
        self._matches = list(values[:agents])
        self._means = list(values[agents : 2 * agents])
        self._squares = list(values[2 * agents :])
