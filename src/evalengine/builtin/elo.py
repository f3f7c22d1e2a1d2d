"""Elo's rating: a number an agent, moved by the difference between a result and its expectation.

Source: Elo, The Rating of Chessplayers, Past and Present (1978); the logistic curve on a scale of 400 and K = 32
are the values that are common in chess.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, log, tanh
from typing import TYPE_CHECKING, Any, ClassVar

from evalengine import ConfigError, Rater, RaterInfo
from evalengine.builtin import states

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evalengine import Rated


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

    def __init__(
        self,
        *,
        k: float = 32.0,
        initial: float = 1500.0,
        scale: float = 400.0,
        prior: Mapping[int, Any] | None = None,
    ) -> None:
        """Begin with no results; `k` is the most that one result can move a rating.

        Args:
            prior: by agent its rating before the first match, or (rating, deviation), of which the rating is taken.

        Raises:
            ConfigError: an option is out of range.
        """
        if not (all(map(isfinite, (k, initial, scale))) and k > 0 and scale > 0):
            msg = f"rater 'elo': k and scale must be above 0, initial finite, not {k=}, {initial=}, {scale=}"
            raise ConfigError(msg)
        self._known = {agent: _rating(known) for agent, known in (prior or {}).items()}
        self._half_k = k / 2
        self._initial = float(initial)
        self._half_slope = log(10) / (2 * scale)
        self._head = states.head(
            b"elo2", (k, initial, scale), {agent: (known,) for agent, known in self._known.items()}
        )
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
        known, initial = self._known, self._initial
        self._ratings.extend(known.get(new, initial) for new in range(len(self._ratings), agent + 1))

    def rating(self, agent: int) -> tuple[float, float]:
        """Return (rating, 0.0) of an agent by its index."""
        played = agent < len(self._ratings)
        return (self._ratings[agent] if played else self._known.get(agent, self._initial)), 0.0

    def dump(self) -> bytes:
        """Return version, options, ratings and a checksum."""
        return states.sealed(self._head, (self._ratings,))

    def load(self, state: bytes) -> None:
        """Continue from what `dump` returned.

        Raises:
            ValueError: it is damaged, or of another rater or other options.
        """
        (self._ratings,) = states.opened(self.info.name, self._head, state, 1)


def _rating(known: Any) -> float:
    rating = known[0] if isinstance(known, Sequence) and known else known
    if not isinstance(rating, int | float) or not isfinite(rating):
        msg = f"rater 'elo': a prior is a finite rating or (rating, deviation), not {known!r}"
        raise ConfigError(msg)
    return float(rating)
