"""TrueSkill: a normal distribution an agent, mu and sigma, moved by places.

Source: Herbrich, Minka and Graepel, TrueSkill: A Bayesian Skill Rating System (2006). For two agents message passing
ends after one step, so its result is a closed form; teams and more sides pass messages.
"""

from __future__ import annotations

from math import erfc, exp, isfinite, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, ClassVar

from evalengine import ConfigError, Rater, RaterInfo
from evalengine.builtin import states
from evalengine.builtin.message_passing import Member, rate
from evalengine.builtin.truncation import NARROW, ROOT_HALF, TAIL, TWICE_DENSITY, draw, win_tail

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalengine import Rated

_SPREAD = 1e6  # sigma and tau in units of beta, at most; beyond, a variance can round to 0


class TrueSkill(Rater):
    """Rate by places, online; two agents in closed form, teams and free-for-all by message passing.

    A result of one side, or with one agent on two sides, changes nothing. `tau` is 0 because an agent is one frozen
    version; `dynamics` takes the original's sigma / 100, which is for people and for agents that learn.
    """

    info: ClassVar[RaterInfo] = RaterInfo(
        name="trueskill",
        doc="TrueSkill by places: mu and sigma, teams and free-for-all. Sigma is no 95% interval.",
        teams=True,
        ffa=True,
        weights="agent",
        anchors=True,
    )

    def __init__(
        self,
        *,
        mu: float = 25.0,
        sigma: float = 25 / 3,
        beta: float = 25 / 6,
        tau: float | None = None,
        draw_probability: float = 0.10,
        dynamics: bool = False,
        prior: Mapping[int, tuple[float, float]] | None = None,
        anchors: Mapping[int, float] | None = None,
    ) -> None:
        """Begin with no results.

        Args:
            mu, sigma: the prior of every agent that has none of its own; beta: the noise of one match;
            tau: the doubt that is added before each match, 0 without `dynamics`;
            prior: (mu, sigma) of single agents; anchors: ratings that are known and stay.

        Raises:
            ConfigError: an option is out of range.
        """
        tau = (sigma / 100 if dynamics else 0.0) if tau is None else tau
        options = (mu, sigma, beta, tau, draw_probability)
        in_range = 1e-100 < beta < 1e100 and 0 < sigma <= _SPREAD * beta and 0 <= tau <= _SPREAD * beta  # noqa: PLR2004 - squares must be finite
        if not (all(map(isfinite, options)) and in_range and 0 <= draw_probability < 1):
            msg = (
                "rater 'trueskill': beta and sigma must be above 0, tau at least 0, sigma and tau at most 1e6 beta, "
                f"mu finite, 0 <= draw_probability < 1; not {mu=}, {sigma=}, {beta=}, {tau=}, {draw_probability=}"
            )
            raise ConfigError(msg)
        self._known = _known(prior or {}, anchors or {}, _SPREAD * beta, tau)
        self._beta, self._dynamics = float(beta), float(tau) ** 2
        self._prior = (float(mu), float(sigma) ** 2)
        self._unit_margin = NormalDist().inv_cdf((draw_probability + 1) / 2) * beta
        self._head = states.head(b"tsk2", options, self._known)
        self._mu: list[float] = []  # by agent
        self._variance: list[float] = []

    def update(self, results: Iterable[Rated]) -> None:  # noqa: C901, PLR0912 - see below
        """Take results in match_no order; chunking never matters.

        One long loop on purpose, the common cases of `win` and `draw` written out: it runs a million times a run,
        and a call costs as much as a tenth of it.
        """
        mu, variance = self._mu, self._variance
        noise, dynamics, margin = 2 * self._beta**2, self._dynamics, self._unit_margin * sqrt(2)
        for agents, ranks, _, _, _, weight in results:
            if len(agents) != 2 or weight != 1.0:  # noqa: PLR2004 - two sides are the common case
                self._message_passing(agents, ranks, weight)
                continue
            i, j = agents
            if i == j:
                continue
            a, b = ranks
            if b < a:
                i, j = j, i  # i won or they drew
            try:
                own, other = variance[i] + dynamics, variance[j] + dynamics
            except (IndexError, TypeError):  # an agent is new, or a side is a team
                if isinstance(i, tuple) or isinstance(j, tuple):
                    self._message_passing(agents, ranks, weight)
                    continue
                self._grow(max(i, j))
                own, other = variance[i] + dynamics, variance[j] + dynamics
            total = noise + own + other
            root = sqrt(total)
            diff, edge = (mu[i] - mu[j]) / root, margin / root
            if a != b:
                x = diff - edge
                if x > TAIL:
                    v = TWICE_DENSITY * exp(-0.5 * x * x) / erfc(-x * ROOT_HALF)
                    w = v * (v + x)
                else:
                    v, w = win_tail(x)
            else:
                lead = abs(diff)
                low, high = -edge - lead, edge - lead
                if high > TAIL and edge >= NARROW:
                    mass = erfc(-high * ROOT_HALF) - erfc(-low * ROOT_HALF)
                    at_low, at_high = TWICE_DENSITY * exp(-0.5 * low * low), TWICE_DENSITY * exp(-0.5 * high * high)
                    v = (at_low - at_high) / mass
                    w = v * v + (high * at_high - low * at_low) / mass
                    if diff < 0:
                        v = -v
                else:
                    v, w = draw(diff, edge)
            step = v / root
            shrink = w / total
            mu[i] += own * step
            mu[j] -= other * step
            variance[i] = own * (1.0 - own * shrink)
            variance[j] = other * (1.0 - other * shrink)

    def _message_passing(self, sides: Sequence[Any], ranks: Sequence[int], weight: Any) -> None:
        teams = [side if isinstance(side, tuple) else (side,) for side in sides]
        agents = [agent for team in teams for agent in team]
        if len(teams) < 2 or len(set(agents)) < len(agents):  # noqa: PLR2004 - nobody to compare with
            return
        shares = [[1.0] * len(team) for team in teams] if weight == 1.0 else weight
        self._grow(max(agents))
        before = [
            [
                Member(self._mu[agent], self._variance[agent] + self._dynamics, share)
                for agent, share in zip(*side, strict=True)
            ]
            for side in zip(teams, shares, strict=True)
        ]
        after = rate(before, ranks, beta=self._beta, unit_margin=self._unit_margin)
        for agent, (mu, variance) in zip(agents, (member for team in after for member in team), strict=True):
            self._mu[agent], self._variance[agent] = mu, variance

    def _grow(self, agent: int) -> None:
        for new in range(len(self._mu), agent + 1):
            mu, variance = self._known.get(new, self._prior)
            self._mu.append(mu)
            self._variance.append(variance)

    def rating(self, agent: int) -> tuple[float, float]:
        """Return (mu, sigma) of an agent by its index; the prior when it has not played."""
        played = agent < len(self._mu)
        mu, variance = (self._mu[agent], self._variance[agent]) if played else self._known.get(agent, self._prior)
        return mu, sqrt(variance)

    def dump(self) -> bytes:
        """Return version, options, mu and variance by agent, and a checksum."""
        return states.sealed(self._head, (self._mu, self._variance))

    def load(self, state: bytes) -> None:
        """Continue from what `dump` returned.

        Raises:
            ValueError: it is damaged, or of another rater or other options.
        """
        self._mu, self._variance = states.opened(self.info.name, self._head, state, 2)


def _known(
    prior: Mapping[int, tuple[float, float]], anchors: Mapping[int, float], most: float, tau: float
) -> dict[int, tuple[float, float]]:
    """Return (mu, variance) by agent of what is known beforehand; an anchor is a prior without doubt."""
    pairs = [tuple(pair) for pair in prior.values()]
    sound = all(len(pair) == 2 and isfinite(pair[0]) and 0 < pair[1] <= most for pair in pairs)  # noqa: PLR2004 - a pair
    if not sound or not all(map(isfinite, anchors.values())):
        msg = f"rater 'trueskill': a prior is (mu, sigma) with 0 < sigma <= {most:g}, an anchor a finite mu"
        raise ConfigError(msg)
    if anchors.keys() & prior.keys() or (anchors and tau):
        msg = "rater 'trueskill': an agent has an anchor or a prior, not both, and anchors stay only with tau = 0"
        raise ConfigError(msg)
    known = {agent: (float(mu), float(sigma) ** 2) for agent, (mu, sigma) in prior.items()}
    return known | {agent: (float(mu), 0.0) for agent, mu in anchors.items()}
