"""The sequential probability ratio test of two agents (Wald 1945): generalised, and on rotations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evalengine.errors import ConfigError
from evalengine.statistics import counts as counting
from evalengine.statistics import likelihood
from evalengine.statistics.estimates import HALF, NELO, elo_expected

if TYPE_CHECKING:
    from collections.abc import Sequence

MODELS = ("normalized", "logistic", "bayesian")
Model = Literal["normalized", "logistic", "bayesian"]
_FAR = 10_000.0  # Elo
_CLOSE = 0.5  # of a bound: nearer than that the closed form is not trusted
_SMALL = 0.3  # skewness times t, and kurtosis times t squared: up to there the closed form is near
_MOST_UNITS = 1 << 24  # that a crossing is looked for in advance


@dataclass(frozen=True, kw_only=True, slots=True)
class SprtResult:
    """Where a test of elo1 against elo0 stands."""

    llr: float  # log-likelihood ratio; positive speaks for elo1
    lower: float
    upper: float
    decision: Literal["H0", "H1"] | None  # H1: elo1 is accepted; H0: elo0; None: play on
    elo0: float
    elo1: float
    alpha: float
    beta: float
    model: Model
    units: int  # rotations, or matches, that were counted


def sprt_bounds(alpha: float, beta: float) -> tuple[float, float]:
    """Return the log-likelihood ratios at which elo0 and elo1 are accepted (Wald 1945).

    Raises:
        ConfigError: an error rate is not above 0, or both together are not below 1.
    """
    counting.between("alpha", alpha, 0, 1)
    counting.between("beta", beta, 0, 1)
    if alpha + beta >= 1:
        msg = f"alpha and beta are {alpha:g} and {beta:g}, together not below 1. Give error rates like 0.05."
        raise ConfigError(msg)
    return math.log(beta / (1 - alpha)), math.log((1 - beta) / alpha)


def sprt(
    counts: Sequence[float],
    *,
    elo0: float = 0.0,
    elo1: float,
    model: Model = "normalized",
    alpha: float = 0.05,
    beta: float = 0.05,
) -> SprtResult:
    """Return where the test stands after these counts.

    `counts` are (losses, draws, wins), or of rotations of two (LL, LD, DD+WL, WD, WW). `elo0` and `elo1` are
    normalized Elo, Elo ("logistic"), or BayesElo ("bayesian": single matches only). Alpha bounds how often elo1 is
    accepted where elo0 is true, beta the reverse.

    Raises:
        ConfigError: numbers out of range, or a model that does not fit the counts.
    """
    test = Sprt(elo0=elo0, elo1=elo1, model=model, alpha=alpha, beta=beta)
    return test.after(counting.checked(counts))


class Sprt:
    """A test whose numbers were checked: `after(counts)`, and `crossed(counts)`, which is cheaper."""

    def __init__(
        self, *, elo0: float = 0.0, elo1: float, model: Model = "normalized", alpha: float = 0.05, beta: float = 0.05
    ) -> None:
        if model not in MODELS:
            msg = f"the model is {model!r}. Give one of {', '.join(MODELS)}."
            raise ConfigError(msg)
        self.elo0 = counting.between("elo0", elo0, -_FAR, _FAR)
        self.elo1 = counting.between("elo1", elo1, -_FAR, _FAR)
        if elo0 >= elo1:
            msg = f"elo0 is {elo0:g} and elo1 {elo1:g}. Give an elo1 above elo0."
            raise ConfigError(msg)
        self.model: Model = model
        self.alpha, self.beta = alpha, beta
        self.lower, self.upper = sprt_bounds(alpha, beta)
        self._alone: dict[tuple[int, int], int] = {}  # by class and number of classes, see `_crossing_alone`

    def after(self, counts: Sequence[float]) -> SprtResult:
        """Return where the test stands."""
        llr = self.llr(counts)
        return SprtResult(
            llr=llr,
            lower=self.lower,
            upper=self.upper,
            decision="H1" if llr >= self.upper else "H0" if llr <= self.lower else None,
            elo0=self.elo0,
            elo1=self.elo1,
            alpha=self.alpha,
            beta=self.beta,
            model=self.model,
            units=round(sum(counts)),
        )

    def llr(self, counts: Sequence[float]) -> float:
        """Return the log-likelihood ratio of elo1 to elo0; 0 before the first result."""
        if not sum(counts):
            return 0.0
        if self.model == "normalized":
            return likelihood.t_ratio(counts, *self._t_values(counts))
        return likelihood.mean_ratio(counts, *self._scores(counts))

    def crossed(self, counts: Sequence[float]) -> bool:
        """Tell whether a bound was reached; does without the exact ratio where a closed form says that none is near.

        A function of the counts alone, so it does not matter when or how often it is asked.
        """
        total = sum(counts)
        if max(counts) == total < _MOST_UNITS and self.model != "bayesian":
            return total >= self._crossing_alone(list(counts).index(total), len(counts))
        if self.model != "bayesian" and self._near(counts):
            if self.model == "normalized":
                rough = likelihood.t_ratio_approximated(counts, *self._t_values(counts))
            else:
                rough = likelihood.mean_ratio_approximated(counts, *self._scores(counts))
            if _CLOSE * self.lower < rough < _CLOSE * self.upper:
                return False
        return not self.lower < self.llr(counts) < self.upper

    def _near(self, counts: Sequence[float]) -> bool:
        """Tell whether the closed form is near: it leaves out the third and fourth moments.

        Of 29,000 random counts, few of a class and lopsided ones among them, that were within half of the bounds by the
        closed form, the exact ratio was within 0.63 of them.
        """
        mean, sigma, skewness, kurtosis = likelihood.shape(counts)
        if self.model == "normalized":
            bounds = self._t_values(counts)
        else:
            score0, score1 = self._scores(counts)
            bounds = (score0 - HALF) / sigma, (score1 - HALF) / sigma
        t = max(abs(mean - HALF) / sigma, *map(abs, bounds))
        return abs(skewness) * t < _SMALL and kurtosis * t * t < _SMALL

    def _crossing_alone(self, place: int, classes: int) -> int:
        """Return after how many units of one class alone a bound is reached: the ratio grows with each, or falls."""
        known = self._alone.get((place, classes))
        if known is None:
            known = self._alone[place, classes] = self._search(place, classes)
        return known

    def _search(self, place: int, classes: int) -> int:
        def crossed(units: int) -> bool:
            return not self.lower < self.llr([units if at == place else 0 for at in range(classes)]) < self.upper

        low, high = 0, 1
        while high < _MOST_UNITS and not crossed(high):
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if crossed(middle) else (middle, high)
        return high

    def _t_values(self, counts: Sequence[float]) -> tuple[float, float]:
        scale = math.sqrt(counting.matches_a_unit(counts)) / NELO
        return self.elo0 * scale, self.elo1 * scale

    def _scores(self, counts: Sequence[float]) -> tuple[float, float]:
        if self.model == "logistic":
            return elo_expected(self.elo0), elo_expected(self.elo1)
        if len(counts) != counting.SINGLE:
            msg = "the bayesian model was given counts of rotations. Give losses, draws, wins, or take 'normalized'."
            raise ConfigError(msg)
        losses, draws, wins = likelihood.regularised(counts)
        total = losses + draws + wins
        drawelo = 200 * math.log10((total - losses) / losses * (total - wins) / wins)
        return _bayesian_score(self.elo0, drawelo), _bayesian_score(self.elo1, drawelo)


def _bayesian_score(bayes_elo: float, drawelo: float) -> float:
    """Return the mean score in the BayesElo model (Coulom 2010): a draw lies within `drawelo` of equality."""
    win, loss = elo_expected(bayes_elo - drawelo), elo_expected(-bayes_elo - drawelo)
    return (1 + win - loss) / 2
