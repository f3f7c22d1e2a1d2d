"""Elo and normalized Elo of one agent against another, with 95% intervals that are always finite.

Elo, E: the expected score is 1 / (1 + 10^(-E/400)) (Elo 1978). Its error is the delta of the normal interval of the
mean score, as fastchess and fishtest print it. Normalized Elo: (score - 1/2) / sigma * 800/ln 10, where sigma is
the standard deviation of one match's points (Van den Bergh 2020, "Normalized Elo"): it says how many matches
show the difference, whatever the share of draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalengine.errors import ConfigError
from evalengine.statistics import counts as counting
from evalengine.statistics.distributions import Z95, normal_below, wilson_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

NELO = 800 / math.log(10)  # normalized Elo in one standard deviation of a match's points
SLOPE = 400 / math.log(10)  # Elo in one unit of the logit
_EDGE = 1e-12  # a score nearer to 0 or 1 is taken as this far from it: 4800 Elo
HALF = 0.5  # of a match, added to each class where all results are alike (Jeffreys 1946)


@dataclass(frozen=True, kw_only=True, slots=True)
class EloEstimate:
    """What results say of the first agent's strength above the second's, in Elo; intervals are of 95%."""

    matches: int
    score: float  # mean points of a match, 0 to 1
    score_error: float | None  # half the width of its interval; None without a match
    elo: float
    elo_error: float | None  # half the width, or the distance to the one bound that there is
    elo_lo: float | None  # None: no bound below
    elo_hi: float | None  # None: no bound above
    nelo: float
    nelo_error: float | None
    los: float  # likelihood of superiority, 0 to 1
    draw_ratio: float  # of matches; of rotations (1 : 1) for pentanomial counts
    one_sided: bool  # all won or all lost (or nothing played): a bound is missing
    sigma: float  # standard deviation of one match's points; rotations taken into account

    def matches_for(self, error_elo: float) -> int:
        """Return how many matches in all give an interval of +- `error_elo`, at this score and variance."""
        counting.between("error_elo", error_elo, 0, math.inf)
        return _matches_for(error_elo, self.score, self.sigma)


def elo(score: float) -> float:
    """Return the Elo difference that a mean score in 0..1 stands for; never infinite: 0 and 1 give -4800 and 4800."""
    counting.between("score", score, -_EDGE, 1 + _EDGE)
    inside = min(max(score, _EDGE), 1 - _EDGE)
    return 0.0 if inside == HALF else -400 * math.log10(1 / inside - 1)


def elo_expected(diff: float) -> float:
    """Return the expected score of an agent that is `diff` Elo above another (Elo 1978)."""
    counting.between("diff", diff, -math.inf, math.inf)
    bounded = max(-100_000.0, min(100_000.0, diff))  # where the power would overflow, the score is 0 or 1
    return 1 / (1 + 10 ** (-bounded / 400))


def matches_needed(error_elo: float, *, score: float = 0.5, draw_ratio: float = 0.0) -> int:
    """Return how many single matches give an Elo interval of 95% of +- `error_elo`.

    Raises:
        ConfigError: no win and no loss is left at this score and share of draws, or a number out of range.
    """
    counting.between("error_elo", error_elo, 0, math.inf)
    counting.between("score", score, 0, 1)
    if not 0 <= draw_ratio < 2 * min(score, 1 - score):
        most = 2 * min(score, 1 - score)
        msg = f"draw_ratio is {draw_ratio!r} at a score of {score:g}. Give one from 0 and below {most:g}."
        raise ConfigError(msg)
    return _matches_for(error_elo, score, math.sqrt(score * (1 - score) - draw_ratio / 4))


def _matches_for(error_elo: float, score: float, sigma: float) -> int:
    slope = SLOPE / (score * (1 - score))
    return math.ceil((Z95 * sigma * slope / error_elo) ** 2)


def elo_estimate(
    *,
    wins: float | None = None,
    draws: float | None = None,
    losses: float | None = None,
    pentanomial: Sequence[float] | None = None,
) -> EloEstimate:
    """Return Elo, normalized Elo and their intervals, from single matches or from rotations of two.

    `pentanomial` counts rotations by class: LL, LD, DD+WL, WD, WW. Where all results are alike the variance is not
    zero but unknown: half a unit is added to each class, and all won (lost) has a bound below (above) only.

    Raises:
        ConfigError: both kinds of counts, none of them, or something that is no count.
    """
    if pentanomial is not None:
        if any(given is not None for given in (wins, draws, losses)):
            msg = "both pentanomial counts and wins, draws, losses were given. Give one of them."
            raise ConfigError(msg)
        return estimate(counting.checked(pentanomial, (counting.PAIRED,)))
    if wins is None and draws is None and losses is None:
        msg = "no counts were given. Give wins=, draws= and losses=, or pentanomial=[LL, LD, DD+WL, WD, WW]."
        raise ConfigError(msg)
    return estimate(counting.checked((losses or 0, draws or 0, wins or 0)))


def estimate(counts: Sequence[float]) -> EloEstimate:
    """Return the estimate from checked counts of three or five classes."""
    number, score, variance = counting.moments(counts)
    size = counting.matches_a_unit(counts)
    if not number:
        return _nothing()
    alike = variance <= 0
    if alike:
        _, score, variance = counting.moments([count + HALF for count in counts])
    error = math.sqrt(variance / number)
    sigma = math.sqrt(size * variance)
    lo, hi = _score_bounds(score, error, number, counts)
    one_sided = lo is None or hi is None
    elo_lo, elo_hi, middle = (None if lo is None else elo(lo)), (None if hi is None else elo(hi)), elo(score)
    return EloEstimate(
        matches=round(size * number),
        score=score,
        score_error=Z95 * error,
        elo=middle,
        elo_error=_width(elo_lo, middle, elo_hi),
        elo_lo=elo_lo,
        elo_hi=elo_hi,
        nelo=(score - HALF) / sigma * NELO,
        nelo_error=Z95 / math.sqrt(size * number) * NELO,
        los=normal_below((score - HALF) / error),
        draw_ratio=counts[len(counts) // 2] / number,
        one_sided=one_sided,
        sigma=sigma,
    )


def _nothing() -> EloEstimate:
    return EloEstimate(
        matches=0,
        score=HALF,
        score_error=None,
        elo=0.0,
        elo_error=None,
        elo_lo=None,
        elo_hi=None,
        nelo=0.0,
        nelo_error=None,
        los=HALF,
        draw_ratio=0.0,
        one_sided=True,
        sigma=HALF,
    )


def _width(lo: float | None, middle: float, hi: float | None) -> float | None:
    if lo is None:
        return None if hi is None else hi - middle
    return middle - lo if hi is None else (hi - lo) / 2


def _score_bounds(
    score: float, error: float, number: float, counts: Sequence[float]
) -> tuple[float | None, float | None]:
    if counts[-1] == number:
        return wilson_interval(1.0, number)[0], None
    if counts[0] == number:
        return None, wilson_interval(0.0, number)[1]
    lo, hi = score - Z95 * error, score + Z95 * error
    if lo > 0 and hi < 1:
        return lo, hi
    # The normal interval leaves 0..1: Wilson's, for as many trials as have this variance.
    return wilson_interval(score, score * (1 - score) / error**2)
