"""Bradley and Terry's likelihood of matches of two, from counts of what rotations looked like.

Source: Bradley and Terry, Rank Analysis of Incomplete Block Designs I (1952); the first seat's advantage as in
Agresti, Categorical Data Analysis (2002), 10.6.2. A draw is half a win of either.
"""

from __future__ import annotations

from math import exp, log1p
from typing import TYPE_CHECKING, NamedTuple

from evalengine.builtin.fits.matrices import numpy_beyond_few

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from evalengine.builtin.fits.matrices import Matrix, Vector

_LEAST = 0.25  # of what the model expects, that the share of leverage is at least

Seen = tuple[int, int, int, float, float, float, float]
"""What a rotation of two agents looked like: game, agent, other agent, and of the former, with the first seat and
then with the second: weight of its matches, and twice the weight that it won."""


class Pair(NamedTuple):
    """All matches of two agents in one game, by places in the vector of parameters."""

    one: int
    other: int
    seat: int  # the parameter of the game's first seat; -1: there is none
    first: float  # weight of the matches in which `one` had the first seat
    won_first: float
    second: float
    won_second: float


class Pairs:
    """Counts as a likelihood; the parameters are the agents' strengths, then the advantage of each game's first seat.

    Attributes:
        agents: whom the first parameters are of; seats: the games that the others are of; clusters: rotations.
    """

    def __init__(self, counts: Mapping[Seen, int], seats: Sequence[int]) -> None:
        self.agents = sorted({agent for seen in counts for agent in seen[1:3]})
        self.seats = list(seats)
        self.clusters = sum(counts.values())
        self._counts = counts
        self._place = {agent: place for place, agent in enumerate(self.agents)}
        self._seat = {game: len(self.agents) + number for number, game in enumerate(seats)}
        self._pairs = self._summed()
        self._arrays: Any = None

    def _summed(self) -> list[Pair]:
        sums: dict[tuple[int, int, int], list[float]] = {}
        for (game, one, other, first, won_first, second, won_second), count in self._counts.items():
            key = self._seat.get(game, -1), self._place[one], self._place[other]
            total = sums.setdefault(key, [0.0] * 4)
            if key[0] < 0:  # nobody asks who had the first seat
                first, won_first, second, won_second = first + second, won_first + won_second, 0.0, 0.0  # noqa: PLW2901
            for place, value in enumerate((first, won_first / 2, second, won_second / 2)):
                total[place] += value * count
        # In a fixed order: a sum must not depend on the order of results.
        return [Pair(one, other, seat, *total) for (seat, one, other), total in sorted(sums.items())]

    def above(self) -> dict[int, list[int]]:
        """Return by agent whom it has beaten or drawn with."""
        found: dict[int, list[int]] = {}
        for pair in self._pairs:
            one, other = self.agents[pair.one], self.agents[pair.other]
            won = pair.won_first + pair.won_second
            if won > 0:
                found.setdefault(one, []).append(other)
            if won < pair.first + pair.second:
                found.setdefault(other, []).append(one)
        return found

    def evaluate(self, place: Vector) -> tuple[float, Vector, Matrix]:
        """Return log-likelihood, gradient and negative second derivatives."""
        np = numpy_beyond_few(len(place))
        return self._evaluate(place) if np is None else self._vectorised(place, np)

    def _evaluate(self, place: Vector) -> tuple[float, Vector, Matrix]:
        size = len(place)
        value, slope, bend = 0.0, [0.0] * size, [[0.0] * size for _ in range(size)]
        for one, other, seat, first, won_first, second, won_second in self._pairs:
            ahead, edge = place[one] - place[other], place[seat] if seat >= 0 else 0.0
            mine, expected, spread = _logistic(ahead + edge)
            value += won_first * (ahead + edge) - first * mine
            off, spread = won_first - first * expected, first * spread
            off_second = spread_second = 0.0
            if second:
                mine, expected, spread_second = _logistic(ahead - edge)
                value += won_second * (ahead - edge) - second * mine
                off_second, spread_second = won_second - second * expected, second * spread_second
            slope[one] += off + off_second
            slope[other] -= off + off_second
            both = spread + spread_second
            bend[one][one] += both
            bend[other][other] += both
            bend[one][other] -= both
            bend[other][one] -= both
            if seat >= 0:
                slope[seat] += off - off_second
                bend[seat][seat] += both
                for agent, change in ((one, spread - spread_second), (other, spread_second - spread)):
                    bend[agent][seat] += change
                    bend[seat][agent] += change
        return value, slope, bend

    def _vectorised(self, place: Vector, np: Any) -> tuple[float, Vector, Matrix]:
        if self._arrays is None:
            columns = list(zip(*self._pairs, strict=True))
            self._arrays = [np.array(column) for column in columns]
        one, other, seat, first, won_first, second, won_second = self._arrays
        size = len(place)
        # One place more, for pairs without a seat's parameter; cut off in the end.
        where = np.append(np.array(place), 0.0)
        ahead, edge = where[one] - where[other], where[seat]
        value, offs, spreads = 0.0, [], []
        for x, weight, won in ((ahead + edge, first, won_first), (ahead - edge, second, won_second)):
            low = np.exp(-np.abs(x))
            expected = np.where(x >= 0, 1.0, low) / (1.0 + low)
            value += float(np.sum(won * x - weight * (np.maximum(x, 0.0) + np.log1p(low))))
            offs.append(won - weight * expected)
            spreads.append(weight * low / (1.0 + low) ** 2)
        slope = np.zeros(size + 1)
        bend = np.zeros((size + 1, size + 1))
        both, apart = spreads[0] + spreads[1], spreads[0] - spreads[1]
        for at, change in ((one, offs[0] + offs[1]), (other, -offs[0] - offs[1]), (seat, offs[0] - offs[1])):
            np.add.at(slope, at, change)
        for row, column, change in (
            (one, one, both), (other, other, both), (one, other, -both), (other, one, -both), (seat, seat, both),
            (one, seat, apart), (seat, one, apart), (other, seat, -apart), (seat, other, -apart),
        ):  # fmt: skip
            np.add.at(bend, (row, column), change)
        return value, slope[:size].tolist(), bend[:size, :size].tolist()

    def meat(self, place: Vector, group_of: Mapping[int, int], bread: Matrix) -> Matrix:
        """Return the sum over rotations of the outer products of their gradients.

        What the residuals of few rotations lack, their leverage tells: that share is taken from the model (the inverse
        of its second derivatives is `bread`). Where all results between two groups go one way residuals say nothing of
        chance, so such pairs count with the variance that the model expects, whole.
        """
        size = len(place)
        found = [[0.0] * size for _ in range(size)]
        for (one, other, seat), squares in self._squares(place, group_of, bread).items():
            strength, mixed, edge = squares
            found[one][one] += strength
            found[other][other] += strength
            found[one][other] -= strength
            found[other][one] -= strength
            if seat >= 0:
                found[seat][seat] += edge
                for agent, change in ((one, mixed), (other, -mixed)):
                    found[agent][seat] += change
                    found[seat][agent] += change
        return found

    def _squares(self, place: Vector, group_of: Mapping[int, int], bread: Matrix) -> dict[tuple[int, int, int], Vector]:
        """Return by pair the sums of squares and products of gradients: strength, strength times seat, seat."""
        rotations: dict[tuple[int, int, int], list[tuple[Seen, int]]] = {}
        for seen, count in sorted(self._counts.items()):
            key = self._place[seen[1]], self._place[seen[2]], self._seat.get(seen[0], -1)
            rotations.setdefault(key, []).append((seen, count))
        sums = {key: self._sums(place, key, group) for key, group in rotations.items()}
        leverage, sided = {}, {}
        for key, (_, model, number) in sums.items():
            one, other, _ = key
            known = bread[one][one] + bread[other][other] - 2 * bread[one][other]
            leverage[key] = min(1.0, model[0] / number * known)
            sided[key] = group_of[self.agents[one]] != group_of[self.agents[other]]
        within = [(*sums[key], leverage[key]) for key in sums if not sided[key]]
        spread = _dispersion(within)
        return {
            key: model
            if sided[key]
            else [square + spread * leverage[key] * part for square, part in zip(squares, model, strict=True)]
            for key, (squares, model, _) in sums.items()
        }

    def _sums(
        self, place: Vector, key: tuple[int, int, int], group: Sequence[tuple[Seen, int]]
    ) -> tuple[Vector, Vector, int]:
        """Return a pair's sums of squares as they are and as the model expects them, and how many rotations it has."""
        one, other, seat = key
        ahead, edge = place[one] - place[other], place[seat] if seat >= 0 else 0.0
        _, mine, spread = _logistic(ahead + edge)
        _, mine_second, spread_second = _logistic(ahead - edge)
        model, squares, number = [0.0] * 3, [0.0] * 3, 0
        for (_, _, _, first, won_first, second, won_second), count in group:
            number += count
            off, off_second = won_first / 2 - first * mine, won_second / 2 - second * mine_second
            _add(squares, off + off_second, off - off_second, count)
            expected, expected_second = first * spread * count, second * spread_second * count
            for at, sign in enumerate((1, -1, 1)):
                model[at] += expected + sign * expected_second
        return squares, model, number


def _dispersion(pairs: Sequence[tuple[Vector, Vector, int, float]]) -> float:
    """Return how much residuals spread, as a factor to what the model expects of them; two more are as it expects."""
    seen = sum(squares[0] for squares, *_ in pairs)
    expected = sum(model[0] * (1 - leverage) for _, model, _, leverage in pairs)
    each = sum(model[0] for _, model, *_ in pairs) / max(1, sum(number for *_, number, _ in pairs))
    return max(_LEAST, (seen + 2 * each) / (expected + 2 * each)) if each else 1.0


def _add(squares: Vector, strength: float, edge: float, count: int) -> None:
    squares[0] += count * strength * strength
    squares[1] += count * strength * edge
    squares[2] += count * edge * edge


def _logistic(x: float) -> tuple[float, float, float]:
    """Return log(1 + e^x), 1 / (1 + e^-x), and the latter's derivative; no x overflows."""
    low = exp(-abs(x))
    high = 1.0 + low
    return max(x, 0.0) + log1p(low), (1.0 if x >= 0 else low) / high, low / (high * high)
