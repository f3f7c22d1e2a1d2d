"""What two agents' matches say of them: points, Elo, the seat, faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalengine.errors import ConfigError
from evalengine.statistics import counts as counting
from evalengine.statistics.distributions import wilson_interval
from evalengine.statistics.estimates import EloEstimate, estimate

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True, slots=True)
class Reliability:
    """How often an agent faulted, with Wilson's interval of 95%."""

    faults: int
    matches: int
    rate: float
    lo: float
    hi: float


@dataclass(frozen=True, kw_only=True, slots=True)
class PairStatistics:
    """One agent against another, from the first one's side."""

    wins: int
    draws: int
    losses: int
    draw_ratio: float  # of all matches
    pentanomial: tuple[int, ...] | None  # complete rotations of two: LL, LD, DD+WL, WD, WW
    elo: EloEstimate  # from the rotations where there are any, else from the matches
    first_seat: EloEstimate | None  # whoever sits first; the agents' strengths cancel in rotations
    reliability: tuple[Reliability, Reliability]


def reliability(faults: int, matches: int) -> Reliability:
    """Return an agent's fault rate with its interval (Wilson 1927); 0 to 1 where it played nothing.

    Raises:
        ConfigError: more faults than matches, or no counts.
    """
    counting.checked((faults, 0, matches))
    if faults > matches:
        msg = f"{faults} faults were counted in {matches} matches. Count a match with a fault once."
        raise ConfigError(msg)
    rate = faults / matches if matches else 0.0
    lo, hi = wilson_interval(rate, matches)
    return Reliability(faults=faults, matches=matches, rate=rate, lo=lo, hi=hi)


def pair_statistics(
    *,
    wins: int,
    draws: int,
    losses: int,
    pentanomial: Sequence[int] | None = None,
    first_seat: tuple[int, int, int] | None = None,
    faults: tuple[int, int] = (0, 0),
) -> PairStatistics:
    """Return what is known of two agents from the first one's counts.

    `pentanomial` counts the complete rotations of two; matches outside them are in wins, draws and losses only.
    `first_seat` is (wins, draws, losses) of whoever sat first. `faults` are matches that each of the two lost by a
    fault.

    Raises:
        ConfigError: something is no count, or counts contradict one another.
    """
    losses_first = counting.checked((losses, draws, wins))
    rotations = None if pentanomial is None else counting.checked(pentanomial, (counting.PAIRED,))
    matches = wins + draws + losses
    if rotations is not None and 2 * sum(rotations) > matches:
        msg = f"{sum(rotations):g} rotations of two were counted in {matches} matches. Count their matches, too."
        raise ConfigError(msg)
    paired = rotations is not None and sum(rotations) > 0
    return PairStatistics(
        wins=wins,
        draws=draws,
        losses=losses,
        draw_ratio=draws / matches if matches else 0.0,
        pentanomial=None if rotations is None else tuple(map(int, rotations)),
        elo=estimate(rotations if paired and rotations is not None else losses_first),
        first_seat=None if first_seat is None else estimate(counting.checked(first_seat[::-1])),
        reliability=(reliability(faults[0], matches), reliability(faults[1], matches)),
    )
