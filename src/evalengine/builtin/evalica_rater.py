"""The rankings of the package `evalica` (extra `evalica`) as a rater."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar

from evalengine import ConfigError, Rater, RaterInfo
from evalengine.builtin import states

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalengine import Rated

_METHODS = ("bradley_terry", "newman", "pagerank", "eigen", "counting", "average_win_rate")


class Evalica(Rater):
    """Count each pair's results; rank with a method of evalica when the table is asked for.

    Its methods that depend on the order of results are not offered: what is kept are counts.
    """

    info: ClassVar[RaterInfo] = RaterInfo(
        name="evalica",
        doc="The rankings of the package evalica, of all results at once. It has no sigma.",
        weights="match",
        online=False,
    )

    def __init__(self, *, method: str = "bradley_terry") -> None:
        """Begin with no results; `method` is a function of evalica.

        Raises:
            ConfigError: there is no such method, or the package is not installed.
        """
        if method not in _METHODS:
            msg = f"rater 'evalica': method must be one of {', '.join(_METHODS)}, not {method!r}"
            raise ConfigError(msg)
        self._package = _package()
        self._method = method
        self._head = states.head(b"evca1", (float(_METHODS.index(method)),), {})
        self._counts: dict[tuple[int, int, int], float] = {}  # by first, second, and 1, 0, -1: it won, drew, lost
        self._found: dict[int, float] | None = None

    def update(self, results: Iterable[Rated]) -> None:
        """Take results in match_no order; chunking never matters."""
        for agents, ranks, _, _, _, weight in results:
            if len(agents) != 2 or agents[0] == agents[1]:  # noqa: PLR2004 - the contract has refused more than two
                continue
            (i, j), (a, b) = agents, ranks
            won = (a < b) - (a > b)
            key = (i, j, won) if i < j else (j, i, -won)
            self._counts[key] = self._counts.get(key, 0.0) + weight
        self._found = None

    def _ratings(self) -> dict[int, float]:
        if self._found is None:
            self._found = self._rank() if self._counts else {}
        return self._found

    def _rank(self) -> dict[int, float]:
        winner = {1: self._package.Winner.X, 0: self._package.Winner.Draw, -1: self._package.Winner.Y}
        keys = sorted(self._counts)
        result = getattr(self._package, self._method)(
            [i for i, _, _ in keys],
            [j for _, j, _ in keys],
            [winner[won] for _, _, won in keys],
            weights=[self._counts[key] for key in keys],
        )
        found = {int(agent): float(score) for agent, score in result.scores.items()}
        # Who won or lost everything has no finite place in some of its methods.
        return {agent: score if isfinite(score) else 0.0 for agent, score in found.items()}

    def rating(self, agent: int) -> tuple[float, float]:
        """Return (score, 0.0) of an agent by its index: there is no measure of doubt."""
        return self._ratings().get(agent, 0.0), 0.0

    def dump(self) -> bytes:
        """Return version, options, counts by pair and result, and a checksum."""
        rows = [(*key, count) for key, count in self._counts.items()]
        return states.sealed(self._head, list(zip(*rows, strict=True)))

    def load(self, state: bytes) -> None:
        """Continue from what `dump` returned.

        Raises:
            ValueError: it is damaged, or of another rater or other options.
        """
        columns = states.opened(self.info.name, self._head, state, 4)
        self._counts = {(int(i), int(j), int(won)): count for i, j, won, count in zip(*columns, strict=True)}
        self._found = None


def _package() -> Any:
    try:
        import evalica
    except ImportError:
        msg = "rater 'evalica' needs the package evalica: pip install 'evalengine[evalica]'"
        raise ConfigError(msg) from None
    return evalica
