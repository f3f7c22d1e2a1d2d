"""Elo's rating: a number an agent, moved by the difference between a result and its expectation.

Source: Elo, The Rating of Chessplayers, Past and Present (1978); the logistic curve on a scale of 400 and K = 32
are the values that are common in chess.
"""

from __future__ import annotations

import struct
import zlib
from math import isfinite, log, tanh
from typing import TYPE_CHECKING, ClassVar

from evalengine import ConfigError, Rater, RaterInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalengine import Rated

_CRC = struct.Struct("<I")


class Elo(Rater):
    """Rate by places, online.

    Of n sides, each pair counts as a match of two with K / (n - 1), all from the ratings before the match. A result of
    one side, or with one agent on two sides, changes nothing. Elo has no measure of doubt: sigma is always 0.
    """

    info: ClassVar[RaterInfo] = RaterInfo(
        name="elo",
        doc="Elo by places; of n sides the average over all pairs, each with K / (n - 1). It has no sigma.",
        ffa=True,
    )

    def __init__(self, *, k: float = 32.0, initial: float = 1500.0, scale: float = 400.0) -> None:
        """Begin with no results; `k` is the most that one result can move a rating.

        Raises:
            ConfigError: an option is out of range.
        """
        if not (all(map(isfinite, (k, initial, scale))) and k > 0 and scale > 0):
            msg = f"rater 'elo': k and scale must be above 0, initial finite, not {k=}, {initial=}, {scale=}"
            raise ConfigError(msg)
        self._half_k = k / 2
        self._initial = float(initial)
        self._half_slope = log(10) / (2 * scale)
        self._head = struct.pack("<4s3d", b"elo1", k, initial, scale)
        self._ratings: list[float] = []  # by agent

    def update(self, results: Iterable[Rated]) -> None:
        """Take results in match_no order; chunking never matters."""
        ratings, half_k, half_slope = self._ratings, self._half_k, self._half_slope
        for agents, ranks, _, _, _, _ in results:
            if len(agents) != 2:  # noqa: PLR2004 - two sides are the common case
                self._free_for_all(agents, ranks)
                continue
            i, j = agents
            if i == j:
                continue
            a, b = ranks
            try:
                # With the expectation as a tanh, K (S - E) is this, and no difference overflows as 10 ** x does.
                change = half_k * ((a < b) - (a > b) - tanh(half_slope * (ratings[i] - ratings[j])))
            except IndexError:
                self._grow(max(i, j))
                change = half_k * ((a < b) - (a > b) - tanh(half_slope * (ratings[i] - ratings[j])))
            ratings[i] += change
            ratings[j] -= change

    def _free_for_all(self, agents: Sequence[int], ranks: Sequence[int]) -> None:
        if len(agents) < 2 or len(set(agents)) < len(agents):  # noqa: PLR2004 - nobody to compare with
            return
        self._grow(max(agents))
        before = [self._ratings[agent] for agent in agents]
        share = self._half_k / (len(agents) - 1)
        for agent, own, rank in zip(agents, before, ranks, strict=True):
            self._ratings[agent] += share * sum(
                (rank < other) - (rank > other) - tanh(self._half_slope * (own - rating))
                for other, rating in zip(ranks, before, strict=True)  # an agent against itself adds 0
            )

    def _grow(self, agent: int) -> None:
        self._ratings.extend([self._initial] * (agent + 1 - len(self._ratings)))

    def rating(self, agent: int) -> tuple[float, float]:
        """Return (rating, 0.0) of an agent by its index."""
        return (self._ratings[agent] if agent < len(self._ratings) else self._initial), 0.0

    def dump(self) -> bytes:
        """Return version, options, ratings and a checksum."""
        state = self._head + struct.pack(f"<{len(self._ratings)}d", *self._ratings)
        return state + _CRC.pack(zlib.crc32(state))

    def load(self, state: bytes) -> None:
        """Continue from what `dump` returned.

        Raises:
            ValueError: it is damaged, or of another rater or other options.
        """
        head, body, crc = state[: len(self._head)], state[len(self._head) : -_CRC.size], state[-_CRC.size :]
        if head != self._head or len(body) % 8 or crc != _CRC.pack(zlib.crc32(head + body)):
            msg = "this is no state of rater 'elo' with these options; rate the stored results anew"
            raise ValueError(msg)
        self._ratings = list(struct.unpack(f"<{len(body) // 8}d", body))
