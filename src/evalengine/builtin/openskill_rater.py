"""The models of the package `openskill` (extra `openskill`) as a rater."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar

from evalengine import ConfigError, Rater, RaterInfo
from evalengine.builtin import states

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evalengine import Rated

_MODELS = {
    "plackett-luce": "PlackettLuce",
    "bradley-terry-full": "BradleyTerryFull",
    "bradley-terry-part": "BradleyTerryPart",
    "thurstone-mosteller-full": "ThurstoneMostellerFull",
    "thurstone-mosteller-part": "ThurstoneMostellerPart",
}


class OpenSkill(Rater):
    """Rate by places, online, with a model of Weng and Lin (2011): mu and sigma, teams and free-for-all."""

    info: ClassVar[RaterInfo] = RaterInfo(
        name="openskill",
        doc="The models of the package openskill: mu and sigma, teams and free-for-all.",
        teams=True,
        ffa=True,
    )

    def __init__(
        self,
        *,
        model: str = "plackett-luce",
        mu: float = 25.0,
        sigma: float = 25 / 3,
        beta: float = 25 / 6,
        kappa: float = 0.0001,
        tau: float = 0.0,
        prior: Mapping[int, tuple[float, float]] | None = None,
    ) -> None:
        """Begin with no results; tau is 0 because an agent is one frozen version; a prior is (mu, sigma).

        Raises:
            ConfigError: an option is out of range, or the package is not installed.
        """
        if model not in _MODELS:
            msg = f"rater 'openskill': model must be one of {', '.join(_MODELS)}, not {model!r}"
            raise ConfigError(msg)
        known = {agent: (float(one), float(two)) for agent, (one, two) in (prior or {}).items()}
        options = (mu, sigma, beta, kappa, tau, *(number for pair in known.values() for number in pair))
        sound = all(map(isfinite, options)) and sigma > 0 and beta > 0 and kappa > 0 and tau >= 0
        if not sound or not all(pair[1] > 0 for pair in known.values()):
            msg = "rater 'openskill': mu must be finite, every sigma, beta and kappa above 0, tau at least 0"
            raise ConfigError(msg)
        self._model: Any = getattr(_models(), _MODELS[model])(mu=mu, sigma=sigma, beta=beta, kappa=kappa, tau=tau)
        self._prior, self._known = (float(mu), float(sigma)), known
        number = float(list(_MODELS).index(model))
        self._head = states.head(b"opsk1", (number, mu, sigma, beta, kappa, tau), known)
        self._lines: list[tuple[float, float]] = []  # by agent

    def update(self, results: Iterable[Rated]) -> None:
        """Take results in match_no order; chunking never matters."""
        for agents, ranks, _, _, _, _ in results:
            teams = [side if isinstance(side, tuple) else (side,) for side in agents]
            members = [agent for team in teams for agent in team]
            if len(teams) < 2 or len(set(members)) < len(members):  # noqa: PLR2004 - nobody to compare with
                continue
            self._grow(max(members))
            make = self._model.rating
            before = [[make(*self._lines[agent]) for agent in team] for team in teams]
            after = self._model.rate(before, ranks=[float(rank) for rank in ranks])
            for agent, rating in zip(members, (rating for team in after for rating in team), strict=True):
                self._lines[agent] = (rating.mu, rating.sigma)

    def _grow(self, agent: int) -> None:
        self._lines.extend(self._known.get(new, self._prior) for new in range(len(self._lines), agent + 1))

    def rating(self, agent: int) -> tuple[float, float]:
        """Return (mu, sigma) of an agent by its index; the prior when it has not played."""
        return self._lines[agent] if agent < len(self._lines) else self._known.get(agent, self._prior)

    def dump(self) -> bytes:
        """Return version, options, mu and sigma by agent, and a checksum."""
        return states.sealed(self._head, ([mu for mu, _ in self._lines], [sigma for _, sigma in self._lines]))

    def load(self, state: bytes) -> None:
        """Continue from what `dump` returned.

        Raises:
            ValueError: it is damaged, or of another rater or other options.
        """
        mu, sigma = states.opened(self.info.name, self._head, state, 2)
        self._lines = list(zip(mu, sigma, strict=True))


def _models() -> Any:
    try:
        from openskill import models
    except ImportError:
        msg = "rater 'openskill' needs the package openskill: pip install 'evalengine[openskill]'"
        raise ConfigError(msg) from None
    return models
