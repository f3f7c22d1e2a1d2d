"""Glicko and Glicko-2: a rating, its deviation and, in Glicko-2, how much an agent's strength changes.

Sources: Glickman, The Glicko system (1995), and Example of the Glicko-2 system (2013; its steps are cited by number).
Both work in periods whose matches count as played at once.
"""

from __future__ import annotations

from abc import abstractmethod
from math import exp, isfinite, log, pi, sqrt
from typing import TYPE_CHECKING, ClassVar

from evalengine import ConfigError, Rater, RaterInfo, Rating
from evalengine.builtin import states

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from evalengine import Rated

_SCALE = 400 / log(10)  # rating points a unit of both systems' inner scale; Glickman rounds it to 173.7178
_FAR = 30.0  # beyond, a result that was sure (1e-13) tells nothing, and one that was impossible would tell too much
_CLOSE = 1e-12  # of the volatility's logarithm
_STEPS = 200
_NUMBERS = 5  # of an agent: rating, deviation, volatility, and of the open period information and surprise
_MOST = 1e6


class Periods(Rater):
    """Rate by places in periods of `period` matches, in match_no order: the last one may be open.

    Within a period all matches count from the ratings at its start, and of each agent two sums are kept; a rating that
    is asked for in an open period is the one that it would have if the period ended there. So neither chunking nor the
    time of asking matters. Who does not play in a period stays as it is.
    """

    def __init__(
        self, *, initial: Sequence[float], period: int, options: Sequence[float], prior: Mapping[int, Sequence[float]]
    ) -> None:
        """Begin with no results; `initial` is (rating, deviation, volatility), a prior may lack the last."""
        name = self.info.name
        if type(period) is not int or period < 1:
            msg = f"rater {name!r}: period is a whole number of matches from 1 on, not {period!r}"
            raise ConfigError(msg)
        self._initial = self._checked(initial)
        self._known = {agent: self._checked((*known, *initial[len(known) :])) for agent, known in prior.items()}
        self._period = period
        self._head = states.head(name.encode(), (*initial, period, *options), self._known)
        self._played = 0  # matches of the open period
        self._lines: list[list[float]] = []  # by agent, on the inner scale, where 0 is the initial rating
        self._weights: list[float] = []  # by agent: g of its deviation at the period's start

    def _checked(self, line: Sequence[float]) -> tuple[float, ...]:
        sound = len(line) == 3 and all(map(isfinite, line)) and abs(line[0]) < _MOST  # noqa: PLR2004 - what a line is
        if not (sound and 0 < line[1] < _MOST and 0 < line[2] < 1):
            msg = (
                f"rater {self.info.name!r}: a rating must be between -1e6 and 1e6, a deviation above 0, a volatility "
                f"between 0 and 1; not {line!r}"
            )
            raise ConfigError(msg)
        return tuple(map(float, line))

    def update(self, results: Iterable[Rated]) -> None:
        """Take results in match_no order; chunking never matters."""
        for agents, ranks, _, _, _, _ in results:
            if len(agents) != 2 or agents[0] == agents[1]:  # noqa: PLR2004 - the contract has refused more than two
                continue
            i, j = agents
            self._grow(max(i, j))
            a, b = ranks
            score = 1.0 if a < b else 0.5 if a == b else 0.0
            self._take(i, j, score)
            self._take(j, i, 1.0 - score)
            self._played += 1
            if self._played == self._period:
                self._close()

    def _take(self, agent: int, opponent: int, score: float) -> None:
        """Add one result to an agent's sums: steps 3 and 4 without the sums' last factors."""
        line, weight = self._lines[agent], self._weights[opponent]
        lead = weight * (line[0] - self._lines[opponent][0])
        expected = 1 / (1 + exp(-max(-_FAR, min(_FAR, lead))))
        line[3] += weight * weight * expected * (1 - expected)
        line[4] += weight * (score - expected)

    def _close(self) -> None:
        for agent, line in enumerate(self._lines):
            if line[3]:
                self._lines[agent] = [*self._after(line), 0.0, 0.0]
                self._weights[agent] = _weight(self._lines[agent][1])
        self._played = 0

    @abstractmethod
    def _after(self, line: Sequence[float]) -> tuple[float, float, float]:
        """Return rating, deviation and volatility of an agent that played, as after its period."""

    def _grow(self, agent: int) -> None:
        for new in range(len(self._lines), agent + 1):
            rating, deviation, volatility = self._known.get(new, self._initial)
            self._lines.append([(rating - self._initial[0]) / _SCALE, deviation / _SCALE, volatility, 0.0, 0.0])
            self._weights.append(_weight(deviation / _SCALE))

    def _now(self, agent: int) -> tuple[float, float, float]:
        """Return rating, deviation and volatility as if the open period ended."""
        if agent >= len(self._lines):
            rating, deviation, volatility = self._known.get(agent, self._initial)
            return rating, deviation, volatility
        line = self._lines[agent]
        rating, deviation, volatility = self._after(line) if line[3] else (line[0], line[1], line[2])
        return self._initial[0] + _SCALE * rating, _SCALE * deviation, volatility

    def rating(self, agent: int) -> tuple[float, float]:
        """Return (rating, deviation) of an agent by its index; the prior when it has not played."""
        return self._now(agent)[:2]

    def dump(self) -> bytes:
        """Return version, options, the open period's matches, numbers by agent, and a checksum."""
        columns = [[line[number] for line in self._lines] for number in range(_NUMBERS)]
        # Every column is as long as the first: the number of matches stands once more for each agent.
        return states.sealed(self._head, [*columns, [float(self._played)] * len(self._lines)])

    def load(self, state: bytes) -> None:
        """Continue from what `dump` returned.

        Raises:
            ValueError: it is damaged, or of another rater or other options.
        """
        *columns, played = states.opened(self.info.name, self._head, state, _NUMBERS + 1)
        self._lines = [list(line) for line in zip(*columns, strict=True)]
        self._weights = [_weight(line[1]) for line in self._lines]
        self._played = int(played[0]) if played else 0


def _weight(deviation: float) -> float:
    """Return g: how much a result against an opponent of this deviation tells."""
    return 1 / sqrt(1 + 3 * (deviation / pi) ** 2)


class Glicko(Periods):
    """Glicko; `c` is by how much an agent's deviation grows from one period in which it plays to the next."""

    info: ClassVar[RaterInfo] = RaterInfo(
        name="glicko",
        doc="Glicko by places, two sides, in periods of 100 matches; sigma is its rating deviation.",
    )

    def __init__(
        self,
        *,
        initial: float = 1500.0,
        deviation: float = 350.0,
        c: float = 0.0,
        period: int = 100,
        prior: Mapping[int, Sequence[float]] | None = None,
    ) -> None:
        """Begin with no results; c is 0 because an agent is one frozen version; a prior is (rating, deviation).

        Raises:
            ConfigError: an option is out of range.
        """
        if not 0 <= c < _MOST:
            msg = f"rater 'glicko': c must be from 0 to 1e6, not {c!r}"
            raise ConfigError(msg)
        super().__init__(initial=(initial, deviation, 0.06), period=period, options=(c,), prior=prior or {})
        self._growth = (c / _SCALE) ** 2
        self._most = (deviation / _SCALE) ** 2

    def _after(self, line: Sequence[float]) -> tuple[float, float, float]:
        rating, deviation, volatility, information, surprise = line
        before = min(deviation**2 + self._growth, max(self._most, deviation**2))
        variance = 1 / (1 / before + information)
        return rating + variance * surprise, sqrt(variance), volatility


class Glicko2(Periods):
    """Glicko-2; `tau` bounds how fast the volatility changes, 0 keeps it."""

    info: ClassVar[RaterInfo] = RaterInfo(
        name="glicko2",
        doc="Glicko-2 by places, two sides, in periods of 100 matches; sigma is its rating deviation.",
    )

    def __init__(
        self,
        *,
        initial: float = 1500.0,
        deviation: float = 350.0,
        volatility: float = 0.06,
        tau: float = 0.5,
        period: int = 100,
        prior: Mapping[int, Sequence[float]] | None = None,
    ) -> None:
        """Begin with no results; a prior is (rating, deviation) or (rating, deviation, volatility).

        Raises:
            ConfigError: an option is out of range.
        """
        if not 0 <= tau <= 3:  # noqa: PLR2004 - Glickman takes 0.3 to 1.2
            msg = f"rater 'glicko2': tau must be from 0 to 3, not {tau!r}"
            raise ConfigError(msg)
        super().__init__(initial=(initial, deviation, volatility), period=period, options=(tau,), prior=prior or {})
        self._tau = float(tau)

    def _after(self, line: Sequence[float]) -> tuple[float, float, float]:
        rating, deviation, volatility, information, surprise = line
        volatility = _volatility(deviation, volatility, self._tau, information, surprise)
        variance = 1 / (1 / (deviation**2 + volatility**2) + information)  # steps 6 and 7
        return rating + variance * surprise, sqrt(variance), volatility

    def table(self, agents: Sequence[int]) -> Sequence[Rating]:
        """Return a line for each of `agents`, best first; each has its volatility, too."""
        return [_with_volatility(line, self._now(line.agent)[2]) for line in super().table(agents)]


def _with_volatility(line: Rating, volatility: float) -> Rating:
    return Rating(agent=line.agent, rating=line.rating, se=line.se, rank=line.rank, extra={"volatility": volatility})


def _volatility(deviation: float, volatility: float, tau: float, information: float, surprise: float) -> float:
    """Return the volatility after a period: step 5, the root of f by the Illinois algorithm."""
    if not tau:
        return volatility
    squared, variance, start = deviation**2, 1 / information, log(volatility**2)
    excess = (surprise / information) ** 2 - squared - variance

    def f(x: float) -> float:
        grown = exp(x)
        return grown * (excess - grown) / (2 * (squared + variance + grown) ** 2) - (x - start) / tau**2

    low, high = start, _upper(f, start, tau, excess)
    at_low, at_high = f(low), f(high)
    for _ in range(_STEPS):
        if abs(high - low) <= _CLOSE or at_high == at_low:
            break
        new = low + (low - high) * at_low / (at_high - at_low)
        at_new = f(new)
        if at_new * at_high <= 0:
            low, at_low = high, at_high
        else:
            at_low /= 2
        high, at_high = new, at_new
    return exp(low / 2)


def _upper(f: Callable[[float], float], start: float, tau: float, excess: float) -> float:
    """Return the other end of the interval that has the root in it."""
    if excess > 0:
        return log(excess)
    steps = 1
    while f(start - steps * tau) < 0:
        steps += 1
    return start - steps * tau
