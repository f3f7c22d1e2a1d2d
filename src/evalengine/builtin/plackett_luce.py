"""Plackett and Luce's model of orders of finish, fitted to all results at once; and one scale over several games."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from evalengine import RaterInfo
from evalengine.builtin.batch import ELO_SCALE, Batch
from evalengine.builtin.fits.orders import Order, Orders

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalengine import Rated

_CACHED = 100_000  # results whose order of finish is kept


class PlackettLuce(Batch):
    """Rate by places, two sides or many: the log-strengths that make all results likeliest, whatever their order.

    Ties count as the mean over all orders of who is tied. For two sides this is Bradley and Terry's model without an
    advantage of the first seat; components, priors and intervals are as there. A result of one side, or with one agent
    on two sides, changes nothing.
    """

    info: ClassVar[RaterInfo] = RaterInfo(
        name="plackett-luce",
        doc="Plackett-Luce by places: log-strengths with 95% intervals. Two sides or free-for-all.",
        ffa=True,
        weights="match",
        anchors=True,
        online=False,
    )

    def __init__(
        self,
        *,
        scale: float = 1.0,
        mean: float = 0.0,
        anchors: Mapping[int, float] | None = None,
        prior: Mapping[int, Sequence[float]] | None = None,
        covariance: str = "clustered",
    ) -> None:
        """Begin with no results; the options as in `Batch`.

        Raises:
            ConfigError: an option is out of range.
        """
        super().__init__(scale=scale, mean=mean, anchors=anchors, prior=prior, covariance=covariance)
        # By game and order: matches, sum of their weights, sum of the weights' squares.
        self._orders: dict[tuple[int, Order], list[float]] = {}
        self._links: dict[tuple[int, Order, Order], float] = {}  # products of weights, of two matches of one rotation
        self._clusters = 0
        self._open: tuple[Any, ...] = (-1, -1, ())
        self._inside: list[tuple[Order, Any]] = []  # orders and weights of the rotation that is still open
        self._known_orders: dict[Any, tuple[Order, tuple[int, ...]]] = {}

    def update(self, results: Iterable[Rated]) -> None:
        """Take results in match_no order; chunking never matters."""
        cached = self._known_orders
        for agents, ranks, _, rotation, game, weight in results:
            key = *agents, *ranks
            if key not in cached:
                if len(cached) >= _CACHED:
                    cached.clear()
                cached[key] = _order(agents, ranks)
            order, cell = cached[key]
            if not cell:
                continue
            here = rotation, game, cell
            if here != self._open or rotation < 0:
                self._close(self._open[1], self._inside)
                self._open, self._inside = here, []
            self._inside.append((order, 1 if weight == 1 else weight))
        self._changed()

    def _close(self, game: int, inside: Sequence[tuple[Order, Any]]) -> None:
        """Count a rotation."""
        if not inside:
            return
        self._clusters += 1
        for place, (order, weight) in enumerate(inside):
            sums = self._orders.setdefault((game, order), [0, 0, 0])
            sums[0] += 1
            sums[1] += weight
            sums[2] += weight * weight
            for other, factor in inside[:place]:
                link = (game, order, other) if order < other else (game, other, order)
                self._links[link] = self._links.get(link, 0) + weight * factor

    def _game_weights(self) -> Mapping[int, float]:
        """Return by game what a match of it counts for."""
        return {game: 1.0 for game, _ in self._orders}

    def _likelihood(self) -> Orders:
        closed = self._closed()
        weights = closed._game_weights()  # noqa: SLF001 - of its own class
        orders: dict[Order, list[float]] = {}
        for (game, order), (_, weight, square) in sorted(closed._orders.items()):  # noqa: SLF001 - of its own class
            sums = orders.setdefault(order, [0.0, 0.0])
            sums[0] += weights[game] * weight
            sums[1] += weights[game] ** 2 * square
        links: dict[tuple[Order, Order], float] = {}
        for (game, one, other), product in sorted(closed._links.items()):  # noqa: SLF001 - of its own class
            links[one, other] = links.get((one, other), 0.0) + weights[game] ** 2 * product
        return Orders(orders, links, closed._clusters)  # noqa: SLF001 - of its own class

    def _closed(self) -> PlackettLuce:
        """Return a copy in which the open rotation is counted."""
        copy = type(self)()
        copy._orders = {key: list(sums) for key, sums in self._orders.items()}  # noqa: SLF001 - of its own class
        copy._links, copy._clusters = dict(self._links), self._clusters  # noqa: SLF001 - of its own class
        copy._close(self._open[1], self._inside)  # noqa: SLF001 - of its own class
        return copy

    def _matches(self) -> Mapping[int, int]:
        totals: dict[int, int] = {}
        for (_, order), sums in self._closed()._orders.items():  # noqa: SLF001 - of its own class
            for group in order:
                for agent in group:
                    totals[agent] = totals.get(agent, 0) + int(sums[0])
        return totals

    def dump(self) -> bytes:
        """Return the counts, the rotation that is still open, and a checksum."""
        orders = [(*key, *sums) for key, sums in self._orders.items()]
        links = [(*key, product) for key, product in self._links.items()]
        return self._packed(orders, links, self._clusters, self._open, self._inside)

    def load(self, state: bytes) -> None:
        """Continue from what `dump` returned; the fit takes the options of this rater.

        Raises:
            ValueError: it is damaged or of another rater.
        """
        orders, links, self._clusters, self._open, inside = self._unpacked(state)
        self._orders = {(game, order): list(sums) for game, order, *sums in orders}
        self._links = {(game, one, other): product for game, one, other, product in links}
        self._inside = [(order, weight) for order, weight in inside]
        self._changed()


class Pooled(PlackettLuce):
    """Rate several games on one scale, each of them weighing the same however many matches it has.

    The likelihood is that of `PlackettLuce`; a match counts in inverse proportion to how many its game has.
    """

    info: ClassVar[RaterInfo] = RaterInfo(
        name="pooled",
        doc="One Elo-like scale over several games, each weighing the same; 95% intervals.",
        ffa=True,
        weights="match",
        anchors=True,
        online=False,
    )

    def __init__(
        self,
        *,
        scale: float = ELO_SCALE,
        mean: float = 1500.0,
        anchors: Mapping[int, float] | None = None,
        prior: Mapping[int, Sequence[float]] | None = None,
        covariance: str = "clustered",
    ) -> None:
        """Begin with no results; the options as in `Batch`.

        Raises:
            ConfigError: an option is out of range.
        """
        super().__init__(scale=scale, mean=mean, anchors=anchors, prior=prior, covariance=covariance)

    def _game_weights(self) -> Mapping[int, float]:
        sums: dict[int, float] = {}
        for (game, _), (_, weight, _) in sorted(self._orders.items()):
            sums[game] = sums.get(game, 0.0) + weight
        each = sum(sums.values()) / len(sums) if sums else 0.0
        return {game: each / total for game, total in sums.items()}


def _order(agents: Sequence[Any], ranks: Sequence[int]) -> tuple[Order, tuple[int, ...]]:
    """Return the order of finish and who took part, ascending; () where there is nothing to learn."""
    cell = tuple(sorted(set(agents)))
    if len(cell) < len(agents) or len(cell) < 2:  # noqa: PLR2004 - nobody to compare with
        return (), ()
    groups: dict[int, list[int]] = {}
    for agent, rank in zip(agents, ranks, strict=True):
        groups.setdefault(rank, []).append(agent)
    return tuple(tuple(sorted(groups[rank])) for rank in sorted(groups)), cell
