"""Bradley and Terry's model, fitted to all results at once, with intervals that are right."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Any, ClassVar

from evalengine import RaterInfo, UsageError
from evalengine.builtin.batch import ELO_SCALE, Batch
from evalengine.builtin.fits.pairs import Pairs, Seen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalengine import Rated
    from evalengine.builtin.fits.strengths import Fit

_SOME = 0.5  # of a game's matches are between agents that met with either in the first seat: enough to tell its worth


class BradleyTerry(Batch):
    """Rate by places: the strengths that make all results likeliest, whatever their order.

    Agents that won all or lost all have no likeliest strength: a weak prior keeps them finite, and they are
    provisional. Agents that are connected by no results are in different components, which have no common scale. The
    intervals count a rotation as one piece of evidence. A result with one agent on both sides changes nothing.
    """

    info: ClassVar[RaterInfo] = RaterInfo(
        name="bt",
        doc="Bradley-Terry by places, on an Elo-like scale, with 95% intervals clustered by rotation. Two sides.",
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
        first_seat: bool | None = None,
    ) -> None:
        """Begin with no results; the options as in `Batch`.

        Args:
            first_seat: whether each game has an advantage of the first seat; None: where the results can tell.

        Raises:
            ConfigError: an option is out of range.
        """
        super().__init__(scale=scale, mean=mean, anchors=anchors, prior=prior, covariance=covariance)
        self._check(first_seat in (None, True, False), "first_seat must be True, False or None")
        self._first_seat = first_seat
        self._counts: dict[Seen, int] = {}
        self._open: tuple[Any, ...] = (-1, -1, -1, -1, 0, 0, 0, 0)  # rotation, then what it looks like so far
        self._off: dict[int, float] = {}  # by agent: matches less their weights

    def update(self, results: Iterable[Rated]) -> None:
        """Take results in match_no order; chunking never matters.

        One long loop on purpose: it runs a million times a run.
        """
        counts, get = self._counts, self._counts.get
        now, now_game, now_one, now_other, first, won_first, second, won_second = self._open
        for agents, ranks, _, rotation, game, weight in results:
            if len(agents) != 2:  # noqa: PLR2004 - two sides
                self._refuse(len(agents))
                continue
            one, other = agents
            if one == other:
                continue
            a, b = ranks
            share: Any = weight
            if weight == 1:
                share = 1  # whole numbers: their sums are exact, in any order
            else:
                self._weigh(agents, weight)
            turned = one > other
            if turned:
                one, other, a, b = other, one, b, a
            if other != now_other or one != now_one or rotation != now or game != now_game or rotation < 0:
                seen = now_game, now_one, now_other, first, won_first, second, won_second
                counts[seen] = get(seen, 0) + 1
                now, now_game, now_one, now_other = rotation, game, one, other
                first = won_first = second = won_second = 0
            won = share + share if a < b else share if a == b else 0
            if turned:
                second += share
                won_second += won
            else:
                first += share
                won_first += won
        self._open = now, now_game, now_one, now_other, first, won_first, second, won_second
        self._changed()

    def _refuse(self, sides: int) -> None:
        if sides > 1:
            msg = f"rater 'bt' does not rate matches of {sides} sides: take 'plackett-luce'"
            raise UsageError(msg)

    def _weigh(self, agents: Sequence[Any], weight: Any) -> None:
        for agent in agents:
            self._off[agent] = self._off.get(agent, 0.0) + 1.0 - weight

    def _all(self) -> dict[Seen, int]:
        """Return the counts with the rotation that is still open, without those of nothing."""
        found = dict(self._counts)
        last: Seen = self._open[1:]
        found[last] = found.get(last, 0) + 1
        return {seen: count for seen, count in found.items() if seen[3] or seen[5]}

    def _likelihood(self) -> Pairs:
        counts = self._all()
        return Pairs(counts, self._seats(counts))

    def _seats(self, counts: Mapping[Seen, int]) -> list[int]:
        """Return the games whose first seat gets a parameter."""
        games = sorted({seen[0] for seen in counts})
        if self._first_seat is not None:
            return games if self._first_seat else []
        met: dict[tuple[int, int, int], list[float]] = {}
        for (game, one, other, first, _, second, _), count in counts.items():
            total = met.setdefault((game, one, other), [0.0, 0.0])
            total[0] += first * count
            total[1] += second * count
        either: dict[int, list[float]] = {game: [0.0, 0.0] for game in games}
        for (game, _, _), both in met.items():
            either[game][0] += sum(both)
            either[game][1] += sum(both) if all(both) else 0.0
        # Where the first team always wins, records are told winner first, and nothing is known of seats.
        won = {seen[0] for seen in counts if seen[4] > seen[3] or seen[6] < seen[5]}
        lost = {seen[0] for seen in counts if seen[4] < seen[3] or seen[6] > seen[5]}
        told = [game for game in games if either[game][1] >= _SOME * either[game][0]]
        return [game for game in told if game in won and game in lost]

    def _matches(self) -> Mapping[int, int]:
        totals = dict(self._off)
        for (_, one, other, first, _, second, _), count in self._all().items():
            for agent in (one, other):
                totals[agent] = totals.get(agent, 0.0) + (first + second) * count
        return {agent: round(total) for agent, total in totals.items()}

    def _extra(self, fit: Fit) -> Mapping[str, Any]:
        seats = self.first_seats()
        if len(seats) != 1:
            return {}
        ((worth, error),) = seats.values()
        return {"first_seat": worth, "first_seat_se": error}

    def first_seats(self) -> Mapping[int, tuple[float, float]]:
        """Return by game what the first seat is worth in rating points, and its standard error; where it is fitted."""
        fit, size = self.fit(), len(self.fit().agents)
        return {
            game: (self._scale * fit.values[place], self._scale * sqrt(max(0.0, fit.covariance[place][place])))
            for place, game in enumerate(fit.seats, size)
        }

    def dump(self) -> bytes:
        """Return the counts, the rotation that is still open, and a checksum."""
        flat = [value for seen, count in self._counts.items() for value in (*seen, count)]
        return self._packed(flat, self._open, self._off)

    def load(self, state: bytes) -> None:
        """Continue from what `dump` returned; the fit takes the options of this rater.

        Raises:
            ValueError: it is damaged or of another rater.
        """
        flat, self._open, off = self._unpacked(state)
        self._counts = {tuple(flat[at : at + 7]): flat[at + 7] for at in range(0, len(flat), 8)}
        self._off = dict(off)
        self._changed()
