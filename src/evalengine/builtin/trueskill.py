"""TrueSkill: a normal distribution an agent, mu and sigma, moved by places.

Source: Herbrich, Minka and Graepel, TrueSkill: A Bayesian Skill Rating System (2006). For two sides message passing
ends after one step, so its result is a closed form; more sides go through the `trueskill` package.
"""

from __future__ import annotations

import struct
import zlib
from math import erfc, exp, expm1, isfinite, pi, sinh, sqrt, tanh
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, ClassVar

from evalengine import ConfigError, Rater, RaterInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalengine import Rated

_CRC = struct.Struct("<I")
_ROOT_HALF = sqrt(0.5)
_DENSITY = 1 / sqrt(2 * pi)
_TWICE_DENSITY = 2 * _DENSITY
_TAIL = -8.0  # below, differences of close numbers lose digits and at -38 the normal integral is 0: use fractions
_NARROW = 1e-3  # a draw margin below this, in standard deviations, loses digits: use its limit
_SPREAD = 1e6  # sigma and tau in units of beta, at most; beyond, a variance can round to 0
_SURE = 1 - 1e-8  # the most that the package's subtractions of precisions bear


class TrueSkill(Rater):
    """Rate by places, online; two sides in closed form, more by message passing.

    A result of one side, or with one agent on two sides, changes nothing. `tau` is 0 because an agent is one frozen
    version; the original's sigma / 100 is for people, who learn.
    """

    info: ClassVar[RaterInfo] = RaterInfo(
        name="trueskill",
        doc="TrueSkill by places: mu and sigma, two sides or free-for-all. Sigma is no 95% interval.",
        ffa=True,
    )

    def __init__(
        self,
        *,
        mu: float = 25.0,
        sigma: float = 25 / 3,
        beta: float = 25 / 6,
        tau: float = 0.0,
        draw_probability: float = 0.10,
    ) -> None:
        """Begin with no results; mu and sigma are every agent's prior, beta the noise of one match.

        Raises:
            ConfigError: an option is out of range.
        """
        options = (mu, sigma, beta, tau, draw_probability)
        in_range = 1e-100 < beta < 1e100 and 0 < sigma <= _SPREAD * beta and 0 <= tau <= _SPREAD * beta  # noqa: PLR2004 - squares must be finite
        if not (all(map(isfinite, options)) and in_range and 0 <= draw_probability < 1):
            msg = (
                "rater 'trueskill': beta and sigma must be above 0, tau at least 0, sigma and tau at most 1e6 beta, "
                f"mu finite, 0 <= draw_probability < 1; not {mu=}, {sigma=}, {beta=}, {tau=}, {draw_probability=}"
            )
            raise ConfigError(msg)
        self._options = options
        self._prior = (float(mu), float(sigma) ** 2)
        self._margin = NormalDist().inv_cdf((draw_probability + 1) / 2) * sqrt(2) * beta
        self._head = struct.pack("<4s5d", b"tsk1", *options)
        self._mu: list[float] = []  # by agent
        self._variance: list[float] = []
        self._package: Any = None  # the environment of the `trueskill` package, once needed

    def update(self, results: Iterable[Rated]) -> None:
        """Take results in match_no order; chunking never matters.

        One long loop on purpose, the common cases of `_win` and `_draw` written out: it runs a million times a run,
        and a call costs as much as a tenth of it.
        """
        mu, variance = self._mu, self._variance
        noise, dynamics, margin = 2 * self._options[2] ** 2, self._options[3] ** 2, self._margin
        for agents, ranks, _, _, _, _ in results:
            if len(agents) != 2:  # noqa: PLR2004 - two sides are the common case
                self._free_for_all(agents, ranks)
                continue
            i, j = agents
            if i == j:
                continue
            a, b = ranks
            if b < a:
                i, j = j, i  # i won or they drew
            try:
                own, other = variance[i] + dynamics, variance[j] + dynamics
            except IndexError:
                self._grow(max(i, j))
                own, other = variance[i] + dynamics, variance[j] + dynamics
            total = noise + own + other
            root = sqrt(total)
            diff, edge = (mu[i] - mu[j]) / root, margin / root
            if a != b:
                x = diff - edge
                if x > _TAIL:
                    v = _TWICE_DENSITY * exp(-0.5 * x * x) / erfc(-x * _ROOT_HALF)
                    w = v * (v + x)
                else:
                    v, w = _win_tail(x)
            else:
                lead = abs(diff)
                low, high = -edge - lead, edge - lead
                if high > _TAIL and edge >= _NARROW:
                    mass = erfc(-high * _ROOT_HALF) - erfc(-low * _ROOT_HALF)
                    at_low, at_high = _TWICE_DENSITY * exp(-0.5 * low * low), _TWICE_DENSITY * exp(-0.5 * high * high)
                    v = (at_low - at_high) / mass
                    w = v * v + (high * at_high - low * at_low) / mass
                    if diff < 0:
                        v = -v
                else:
                    v, w = _draw(diff, edge)
            step = v / root
            shrink = w / total
            mu[i] += own * step
            mu[j] -= other * step
            variance[i] = own * (1.0 - own * shrink)
            variance[j] = other * (1.0 - other * shrink)

    def _free_for_all(self, agents: Sequence[int], ranks: Sequence[int]) -> None:
        if len(agents) < 2 or len(set(agents)) < len(agents):  # noqa: PLR2004 - nobody to compare with
            return
        if self._package is None:
            self._package = _package(*self._options)
        self._grow(max(agents))
        rating = self._package.create_rating
        before = [(rating(self._mu[agent], sqrt(self._variance[agent])),) for agent in agents]
        for agent, (after,) in zip(agents, self._package.rate(before, ranks), strict=True):
            self._mu[agent], self._variance[agent] = after.mu, after.sigma**2

    def _grow(self, agent: int) -> None:
        missing = agent + 1 - len(self._mu)
        mu, variance = self._prior
        self._mu.extend([mu] * missing)
        self._variance.extend([variance] * missing)

    def rating(self, agent: int) -> tuple[float, float]:
        """Return (mu, sigma) of an agent by its index; the prior when it has not played."""
        mu, variance = (self._mu[agent], self._variance[agent]) if agent < len(self._mu) else self._prior
        return mu, sqrt(variance)

    def dump(self) -> bytes:
        """Return version, options, mu and variance by agent, and a checksum."""
        state = self._head + struct.pack(f"<{2 * len(self._mu)}d", *self._mu, *self._variance)
        return state + _CRC.pack(zlib.crc32(state))

    def load(self, state: bytes) -> None:
        """Continue from what `dump` returned.

        Raises:
            ValueError: it is damaged, or of another rater or other options.
        """
        head, body, crc = state[: len(self._head)], state[len(self._head) : -_CRC.size], state[-_CRC.size :]
        if head != self._head or len(body) % 16 or crc != _CRC.pack(zlib.crc32(head + body)):
            msg = "this is no state of rater 'trueskill' with these options; rate the stored results anew"
            raise ValueError(msg)
        values = struct.unpack(f"<{len(body) // 8}d", body)
        self._mu, self._variance = list(values[: len(values) // 2]), list(values[len(values) // 2 :])


# ----------------------------------------------------- v and w: how far mu moves and sigma shrinks, Herbrich (2006)


def _win(x: float) -> tuple[float, float]:
    """Return v and w of a win; x is the winner's lead less the draw margin, in standard deviations."""
    if x <= _TAIL:
        return _win_tail(x)
    v = _TWICE_DENSITY * exp(-0.5 * x * x) / erfc(-x * _ROOT_HALF)
    return v, v * (v + x)


def _win_tail(x: float) -> tuple[float, float]:
    excess = _excess(-x)
    v = excess - x
    return v, v * excess


def _excess(y: float) -> float:
    """Return pdf(y) / cdf(-y) - y for y >= 8, by Laplace's continued fraction 1 / (y + 2 / (y + 3 / ...))."""
    value = y
    for k in range(12, 1, -1):
        value = y + k / value
    return 1 / value


def _draw(diff: float, edge: float) -> tuple[float, float]:
    """Return v and w of a draw; diff is the first one's lead and edge the draw margin, in standard deviations."""
    lead = abs(diff)
    low, high = -edge - lead, edge - lead
    if edge < _NARROW:
        v, w = _draw_narrow(lead, edge)
    elif high <= _TAIL:
        v, w = _draw_tail(lead, edge)
    else:
        mass = 0.5 * (erfc(-high * _ROOT_HALF) - erfc(-low * _ROOT_HALF))
        at_low, at_high = _DENSITY * exp(-0.5 * low * low), _DENSITY * exp(-0.5 * high * high)
        v = (at_low - at_high) / mass
        w = v * v + (high * at_high - low * at_low) / mass
    return (-v if diff < 0 else v), w


def _draw_narrow(lead: float, edge: float) -> tuple[float, float]:
    """Take the density between the margins as exponential: 1e-12 off at most. Without a margin, v = -lead and w = 1."""
    k = lead * edge
    if k < 0.01:  # noqa: PLR2004 - where the closed forms lose digits and two terms of their series suffice
        return -lead + edge * k * (1 / 3 - k * k / 45), 1 - edge * edge * (1 / 3 - k * k / 15)
    bend = 1 / k / k - (1 / sinh(k) ** 2 if k < 300 else 0.0)  # noqa: PLR2004 - sinh overflows at 710
    return -lead + edge * (1 / tanh(k) - 1 / k), 1 - edge * edge * bend


def _draw_tail(lead: float, edge: float) -> tuple[float, float]:
    """Divide both ends by the density at the nearer one, which underflows."""
    y = lead - edge
    near, far = _excess(y), _excess(y + 2 * edge)
    gap = -expm1(-2 * edge * lead)  # 1 - the ratio of the densities
    ratio = 1 - gap
    mass = 1 / (y + near) - ratio / (y + 2 * edge + far)
    v = -gap / mass
    over = ratio * (far + 2 * edge) / (y + 2 * edge + far) - near / (y + near)  # (v + y) * mass, without cancellation
    return v, v * over / mass + 2 * edge * ratio / mass


def _package(mu: float, sigma: float, beta: float, tau: float, draw_probability: float) -> Any:
    """Return an environment of the `trueskill` package that uses our v and w.

    Its own stop with an error where the normal integral underflows, and its own erfc is good to 1e-7 only.
    """
    import trueskill

    normal = NormalDist()
    package = trueskill.TrueSkill(
        mu, sigma, beta, tau, draw_probability, backend=(normal.cdf, normal.pdf, normal.inv_cdf)
    )
    package.v_win = lambda diff, margin: _win(diff - margin)[0]
    package.w_win = lambda diff, margin: min(_win(diff - margin)[1], _SURE)
    package.v_draw = lambda diff, margin: _draw(diff, margin)[0]
    package.w_draw = lambda diff, margin: min(_draw(diff, margin)[1], _SURE)
    return package
