"""The mean score, for games whose scores count and not only who was first."""

from __future__ import annotations

import struct
import zlib
from collections import deque
from math import isfinite, sqrt
from typing import TYPE_CHECKING, Any, ClassVar

from evalengine import ConfigError, Rater, RaterInfo, Rating

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalengine import Rated

_CRC = struct.Struct("<I")
_Z95 = 1.959963984540054

# An agent's numbers: matches, mean, sum of squared deviations; its first score, from which the next are measured: sum
# over rotations of squared sums, of sums times sizes, of squared sizes; how many they are; of the open rotation its
# game, number, size and sum; the best mean of a window.
_COUNT, _MEAN, _SQUARES, _FIRST, _SUMS, _MIXED, _SIZES, _ROTATIONS, _GAME, _OPEN, _SIZE, _SUM, _BEST = range(13)
_FRESH = [0.0] * 9 + [-1.0, 0.0, 0.0, 0.0]


class Mean(Rater):
    """Rate by scores: the mean, and as sigma its standard error.

    The error is 0 below two results, where it is unknown; so is the rating of an agent without any. A result with one
    agent on two sides changes nothing. The table's interval takes the matches of an agent in one rotation as one piece
    of evidence, since they share seed and opening.
    """

    info: ClassVar[RaterInfo] = RaterInfo(
        name="mean",
        doc="The mean score; sigma is its standard error, 0 below two results; 95% interval clustered by rotation.",
        ffa=True,
        scores=True,
    )

    def __init__(self, *, min_runs: int = 50, objective: str = "max", window: int | None = None) -> None:
        """Begin with no results.

        Args:
            min_runs: matches below which an agent is not fully evaluated; objective: "max" or "min", which scores are
            good; window: matches in a row, `min_runs` by default, of whose means the best is told, too.

        Raises:
            ConfigError: an option is out of range.
        """
        window = min_runs if window is None else window
        whole = all(type(number) is int and 0 < number < 1 << 20 for number in (min_runs, window))
        if not whole or objective not in ("max", "min"):
            msg = (
                "rater 'mean': min_runs and window must be whole numbers from 1 to 1,048,575, objective 'max' or "
                f"'min'; not {min_runs=}, {window=}, {objective=}"
            )
            raise ConfigError(msg)
        self._min_runs, self._window, self._sign = min_runs, window, 1 if objective == "max" else -1
        self._head = struct.pack("<4s2Ib", b"men2", min_runs, window, self._sign)
        self._lines: list[list[float]] = []  # by agent
        self._last: list[deque[float]] = []  # by agent, the scores of the window

    def update(self, results: Iterable[Rated]) -> None:
        """Take results in match_no order; chunking never matters."""
        lines = self._lines
        for agents, _, scores, rotation, game, _ in results:
            sides = len(agents)
            if sides > 1 and (agents[0] == agents[1] or (sides > 2 and len(set(agents)) < sides)):  # noqa: PLR2004 - no set for two
                continue
            for agent, score in zip(agents, scores, strict=True):
                if agent >= len(lines):
                    self._grow(agent)
                line = lines[agent]
                if not line[_COUNT]:
                    line[_FIRST] = score
                # Welford (1962), Note on a method for calculating corrected sums of squares and products.
                line[_COUNT] += 1.0
                off = score - line[_MEAN]
                line[_MEAN] += off / line[_COUNT]
                line[_SQUARES] += off * (score - line[_MEAN])
                if rotation < 0 or line[_OPEN] != rotation or line[_GAME] != game:
                    _close(line)
                    line[_GAME], line[_OPEN] = game, rotation
                line[_SIZE] += 1.0
                line[_SUM] += score - line[_FIRST]
                self._slide(self._last[agent], line, score)

    def _slide(self, last: deque[float], line: list[float], score: float) -> None:
        last.append(score)
        if len(last) == self._window:
            mean = sum(last) / self._window
            if line[_COUNT] == self._window or self._sign * (mean - line[_BEST]) > 0:
                line[_BEST] = mean

    def _grow(self, agent: int) -> None:
        for _ in range(agent + 1 - len(self._lines)):
            self._lines.append(list(_FRESH))
            self._last.append(deque(maxlen=self._window))

    def rating(self, agent: int) -> tuple[float, float]:
        """Return (mean score, its standard error) of an agent by its index."""
        if agent >= len(self._lines):
            return 0.0, 0.0
        line = self._lines[agent]
        count = line[_COUNT]
        error = sqrt(line[_SQUARES] / (count - 1) / count) if count > 1 else 0.0
        return line[_MEAN], error if isfinite(error) else 0.0

    def table(self, agents: Sequence[int]) -> Sequence[Rating]:
        """Return a line for each of `agents`, best first; who has not played comes last.

        Beside it `fully_evaluated`, and `best`, the best mean of as many matches in a row as the window holds (None
        before). No interval below two rotations, where nothing is known of chance.
        """
        found = {agent: self._line(agent) for agent in sorted(set(agents))}
        order = sorted(found, key=lambda agent: (not found[agent].matches, -self._sign * found[agent].rating, agent))
        return [self._ranked(found[agent], [line for line in found.values() if line.matches]) for agent in order]

    def _line(self, agent: int) -> Rating:
        mean, _ = self.rating(agent)
        line = list(self._lines[agent]) if agent < len(self._lines) else list(_FRESH)
        _close(line)
        error = _error(line)
        return Rating(
            agent=agent,
            rating=mean,
            se=error or 0.0,
            lo=None if error is None else mean - _Z95 * error,
            hi=None if error is None else mean + _Z95 * error,
            matches=int(line[_COUNT]),
            provisional=line[_COUNT] < self._min_runs,
            extra={
                "fully_evaluated": line[_COUNT] >= self._min_runs,
                "best": line[_BEST] if line[_COUNT] >= self._window else None,
            },
        )

    def _ranked(self, line: Rating, others: Sequence[Rating]) -> Rating:
        """Return a line with its rank, and with the band that pairwise differences leave open."""
        if not line.matches:
            return line
        ahead = [self._sign * (other.rating - line.rating) for other in others]
        known = [other.lo is not None and line.lo is not None for other in others]
        sure = [_Z95 * sqrt(other.se**2 + line.se**2) for other in others]
        better = sum(k and a > s for a, k, s in zip(ahead, known, sure, strict=True))
        worse = sum(k and -a > s for a, k, s in zip(ahead, known, sure, strict=True))
        fields: dict[str, Any] = {name: getattr(line, name) for name in type(line).__slots__}
        rank = 1 + sum(a > 0 for a in ahead)
        fields |= {"rank": rank, "rank_lo": min(rank, 1 + better), "rank_hi": max(rank, len(others) - worse)}
        return Rating(**fields)

    def dump(self) -> bytes:
        """Return version, options, each agent's numbers and window, and a checksum."""
        width = len(_FRESH)
        parts = [self._head]
        for line, last in zip(self._lines, self._last, strict=True):
            parts.append(struct.pack(f"<I{width + len(last)}d", len(last), *line, *last))
        state = b"".join(parts)
        return state + _CRC.pack(zlib.crc32(state))

    def load(self, state: bytes) -> None:
        """Continue from what `dump` returned.

        Raises:
            ValueError: it is damaged, or of another rater or other options.
        """
        body, crc = state[: -_CRC.size], state[-_CRC.size :]
        if body[: len(self._head)] != self._head or crc != _CRC.pack(zlib.crc32(body)):
            msg = "this is no state of rater 'mean' with these options; rate the stored results anew"
            raise ValueError(msg)
        self._lines, self._last = [], []
        width, at = len(_FRESH), len(self._head)
        while at < len(body):
            (kept,) = struct.unpack_from("<I", body, at)
            values = struct.unpack_from(f"<{width + kept}d", body, at + 4)
            at += 4 + 8 * (width + kept)
            self._lines.append(list(values[:width]))
            self._last.append(deque(values[width:], maxlen=self._window))


def _close(line: list[float]) -> None:
    """Count the open rotation."""
    size, total = line[_SIZE], line[_SUM]
    if size:
        line[_SUMS] += total * total
        line[_MIXED] += total * size
        line[_SIZES] += size * size
        line[_ROTATIONS] += 1.0
        line[_SIZE] = line[_SUM] = 0.0


def _error(line: list[float]) -> float | None:
    """Return the standard error of the mean with rotations as clusters; None where there are not two."""
    rotations, count = line[_ROTATIONS], line[_COUNT]
    if rotations < 2:  # noqa: PLR2004 - a spread takes two
        return None
    if line[_SIZES] == count:  # each alone: what follows, without its subtractions
        error = sqrt(line[_SQUARES] / (count - 1) / count)
        return error if isfinite(error) else None
    off = line[_MEAN] - line[_FIRST]
    squares = max(0.0, line[_SUMS] - 2 * off * line[_MIXED] + off * off * line[_SIZES])
    error = sqrt(rotations / (rotations - 1) * squares) / count
    return error if isfinite(error) else None
