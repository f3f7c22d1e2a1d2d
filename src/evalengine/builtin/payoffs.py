"""Raters for games in which agents beat each other in circles: Alpha-Rank and Nash averaging of all pairs' results."""

from __future__ import annotations

from abc import abstractmethod
from math import inf
from typing import TYPE_CHECKING, ClassVar

from evalengine import Rater, RaterInfo, Rating
from evalengine.builtin import states
from evalengine.builtin.alpharank import alpharank
from evalengine.builtin.nash import nash

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalengine import Rated


class Payoffs(Rater):
    """Count each pair's results; rate from the table of wins less losses by match when it is asked for.

    Two agents that have not met count as even. An agent that has met nobody is not in the table and has the rating 0.
    What is kept grows with the pairs that met, not with matches.
    """

    def __init__(self, options: Sequence[float] = ()) -> None:
        """Begin with no results."""
        self._head = states.head(self.info.name.encode()[:8], options, {})
        self._pairs: dict[tuple[int, int], list[float]] = {}  # matches, and wins less losses of the first, by weight
        self._found: dict[int, tuple[float, float]] | None = None  # by agent: rating, and what else is told

    def update(self, results: Iterable[Rated]) -> None:
        """Take results in match_no order; chunking never matters."""
        pairs = self._pairs
        for agents, ranks, _, _, _, weight in results:
            if len(agents) != 2 or agents[0] == agents[1]:  # noqa: PLR2004 - the contract has refused more than two
                continue
            (i, j), (a, b) = agents, ranks
            if i > j:
                i, j, a, b = j, i, b, a
            pair = pairs.get((i, j))
            if pair is None:
                pair = pairs[i, j] = [0.0, 0.0]
            pair[0] += weight
            pair[1] += weight * ((a < b) - (a > b))
        self._found = None

    @abstractmethod
    def _rated(self, payoff: list[list[float]]) -> Sequence[tuple[float, float]]:
        """Return (rating, what else is told) by row of the table of agents that have met others."""

    def _lines(self) -> dict[int, tuple[float, float]]:
        if self._found is None:
            agents = sorted({agent for pair in self._pairs for agent in pair})
            place = {agent: number for number, agent in enumerate(agents)}
            payoff = [[0.0] * len(agents) for _ in agents]
            for (i, j), (count, ahead) in self._pairs.items():
                payoff[place[i]][place[j]] = ahead / count
                payoff[place[j]][place[i]] = -ahead / count
            self._found = dict(zip(agents, self._rated(payoff) if agents else (), strict=True))
        return self._found

    def rating(self, agent: int) -> tuple[float, float]:
        """Return (rating, 0.0) of an agent by its index: there is no measure of doubt."""
        return self._lines().get(agent, (0.0, 0.0))[0], 0.0

    def dump(self) -> bytes:
        """Return version, options, numbers by pair, and a checksum."""
        rows = [(i, j, *numbers) for (i, j), numbers in self._pairs.items()]
        return states.sealed(self._head, list(zip(*rows, strict=True)))

    def load(self, state: bytes) -> None:
        """Continue from what `dump` returned.

        Raises:
            ValueError: it is damaged, or of another rater or other options.
        """
        columns = states.opened(self.info.name, self._head, state, 4)
        self._pairs = {(int(i), int(j)): [count, ahead] for i, j, count, ahead in zip(*columns, strict=True)}
        self._found = None


class AlphaRank(Payoffs):
    """The share of an agent in Alpha-Rank's stationary distribution; shares add up to 1."""

    info: ClassVar[RaterInfo] = RaterInfo(
        name="alpharank",
        doc="Alpha-Rank of wins less losses: the share of evolution's time. It has no sigma.",
        weights="match",
    )

    def __init__(self, *, m: int = 50, alpha: float = 100.0, epsilon: float = 0.01) -> None:
        """Begin with no results; the options are those of `evalengine.alpharank`.

        Raises:
            ConfigError: an option is out of range.
        """
        alpharank([[0.0]], m, alpha, epsilon=epsilon)  # refuses what is out of range
        super().__init__((m, min(alpha, inf), epsilon))
        self._options = (m, alpha, epsilon)

    def _rated(self, payoff: list[list[float]]) -> Sequence[tuple[float, float]]:
        m, alpha, epsilon = self._options
        return [(share, 0.0) for share in alpharank(payoff, m, alpha, epsilon=epsilon)]


class Nash(Payoffs):
    """An agent's value against the most even equilibrium: 0 for who is in it, less for the others."""

    info: ClassVar[RaterInfo] = RaterInfo(
        name="nash",
        doc="Nash averaging of wins less losses: the value against the most even equilibrium. It has no sigma.",
        weights="match",
    )

    def __init__(self) -> None:
        """Begin with no results."""
        super().__init__()

    def _rated(self, payoff: list[list[float]]) -> Sequence[tuple[float, float]]:
        found = nash(payoff)
        # Values of those who are in it differ by rounding only.
        return [(0.0 if share else value, share) for share, value in zip(found.p, found.value, strict=True)]

    def table(self, agents: Sequence[int]) -> Sequence[Rating]:
        """Return a line for each of `agents`, best first; each has its probability in the equilibrium, too."""
        lines = self._lines()
        return [
            Rating(
                agent=line.agent,
                rating=line.rating,
                se=line.se,
                rank=line.rank,
                extra={"probability": lines.get(line.agent, (0.0, 0.0))[1]},
            )
            for line in super().table(agents)
        ]
