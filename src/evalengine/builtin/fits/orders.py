"""Plackett and Luce's likelihood of orders of finish, from counts of orders.

Source: Plackett, The Analysis of Permutations (1975); Luce, Individual Choice Behavior (1959). Agents that are tied
count as the mean over all orders among them, of which a draw of two as half a win each is the smallest case.
"""

from __future__ import annotations

from itertools import combinations
from math import comb, exp, log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalengine.builtin.fits.matrices import Matrix, Vector

Order = tuple[tuple[int, ...], ...]
"""Agents by place, the best first; those of a shared place ascending."""

_LARGE_TIE = 6  # above, the subsets of a tie are too many: their mean is taken inside of the logarithm

Stage = tuple[tuple[int, ...], tuple[float, ...]]
"""Who is left when the next place is taken, and with what share."""


class Orders:
    """Counts as a likelihood; the parameters are the agents' log-strengths.

    Attributes:
        agents: whom the parameters are of; seats: always empty; clusters: rotations.
    """

    def __init__(
        self,
        orders: Mapping[Order, Sequence[float]],
        links: Mapping[tuple[Order, Order], float],
        clusters: int,
    ) -> None:
        """Take by order the sum of the weights and of their squares, and by two orders of one rotation of products."""
        self.agents = sorted({agent for order in orders for group in order for agent in group})
        self.seats: list[int] = []
        self.clusters = clusters
        self._orders = dict(sorted(orders.items()))
        self._links = dict(sorted(links.items()))
        place = {agent: number for number, agent in enumerate(self.agents)}
        placed = {order: tuple(tuple(place[agent] for agent in group) for group in order) for order in self._orders}
        self._terms = {order: _terms(by_place) for order, by_place in placed.items()}
        self._linear = [0.0] * len(self.agents)
        self._stages: dict[Stage, float] = {}
        for order, (linear, stages) in self._terms.items():
            weight = self._orders[order][0]
            for agent, value in linear.items():
                self._linear[agent] += weight * value
            for stage, share in stages:
                self._stages[stage] = self._stages.get(stage, 0.0) + weight * share

    def above(self) -> dict[int, list[int]]:
        """Return by agent who came next behind it, or beside it."""
        found: dict[int, dict[int, None]] = {}
        for order in self._orders:
            for group, behind in zip(order, [*order[1:], ()], strict=True):
                for agent in group:
                    reached = found.setdefault(agent, {})
                    reached.update(dict.fromkeys(behind))
                    reached.update(dict.fromkeys(other for other in group if other != agent))
        return {agent: list(others) for agent, others in found.items()}

    def evaluate(self, place: Vector) -> tuple[float, Vector, Matrix]:
        """Return log-likelihood, gradient and negative second derivatives."""
        slope = list(self._linear)
        value = sum(weight * at for weight, at in zip(self._linear, place, strict=True))
        bend = [[0.0] * len(place) for _ in place]
        for stage, weight in self._stages.items():
            total, shares = _shares(stage, place)
            value -= weight * total
            for agent, share in zip(stage[0], shares, strict=True):
                slope[agent] -= weight * share
            _bend(bend, stage, shares, weight)
        return value, slope, bend

    def meat(self, place: Vector, group_of: Mapping[int, int], bread: Matrix) -> Matrix:
        """Return the sum over rotations of the outer products of their gradients, as in `Pairs.meat`."""
        found = [[0.0] * len(place) for _ in place]
        slopes: dict[Order, dict[int, float]] = {}
        matches_each = sum(self._orders[order][0] for order in self._orders) / max(1, self.clusters)
        for order, (linear, stages) in self._terms.items():
            agents = [agent for group in order for agent in group]
            slope, leverage = dict(linear), 0.0
            for stage, share in stages:
                shares = _shares(stage, place)[1]
                leverage += share * _traced(stage[0], shares, bread)
                for agent, part in zip(stage[0], shares, strict=True):
                    slope[agent] = slope.get(agent, 0.0) - share * part
            if len({group_of[agent] for agent in agents}) > 1:
                expected = 1.0
            else:
                slopes[order] = slope
                _add(found, slope, slope, self._orders[order][1])
                expected = min(1.0, matches_each * leverage / (len(agents) - 1))
            for stage, share in stages:
                _bend(found, stage, _shares(stage, place)[1], expected * share * self._orders[order][0])
        for (one, other), weight in self._links.items():
            if one in slopes and other in slopes:
                _add(found, slopes[one], slopes[other], weight)
                _add(found, slopes[other], slopes[one], weight)
        return found


def _traced(agents: Sequence[int], shares: Sequence[float], bread: Matrix) -> float:
    """Return the trace of a stage's second derivatives times the covariance."""
    total = 0.0
    for agent, share in zip(agents, shares, strict=True):
        row = bread[agent]
        total += share * (row[agent] - sum(part * row[other] for other, part in zip(agents, shares, strict=True)))
    return total


def _terms(order: Order) -> tuple[dict[int, float], list[tuple[Stage, float]]]:
    """Return an order's log-likelihood: a linear part by agent, and stages with their weights, to be taken off."""
    linear = {agent: 1.0 for group in order for agent in group}
    stages: list[tuple[Stage, float]] = []
    left = sorted(agent for group in order for agent in group)
    for group in order:
        for stage, weight in _taken(group, left):
            if len(stage[0]) == 1:  # the last is no choice
                linear[stage[0][0]] -= weight
            else:
                stages.append((stage, weight))
        left = [agent for agent in left if agent not in group]
    return linear, stages


def _taken(group: Sequence[int], left: Sequence[int]) -> Iterable[tuple[Stage, float]]:
    size = len(group)
    for gone in range(size):
        if size > _LARGE_TIE:
            yield (tuple(left), tuple(1 - gone / size if agent in group else 1.0 for agent in left)), 1.0
            continue
        for before in combinations(group, gone):
            rest = tuple(agent for agent in left if agent not in before)
            yield (rest, (1.0,) * len(rest)), 1 / comb(size, gone)


def _shares(stage: Stage, place: Vector) -> tuple[float, list[float]]:
    """Return the logarithm of the stage's sum, and what each has of it."""
    agents, factors = stage
    most = max([place[agent] for agent in agents])
    parts = [factor * exp(place[agent] - most) for agent, factor in zip(agents, factors, strict=True)]
    total = sum(parts)
    return most + log(total), [part / total for part in parts]


def _bend(bend: Matrix, stage: Stage, shares: Sequence[float], weight: float) -> None:
    for agent, share in zip(stage[0], shares, strict=True):
        row = bend[agent]
        row[agent] += weight * share
        for other, part in zip(stage[0], shares, strict=True):
            row[other] -= weight * share * part


def _add(found: Matrix, one: Mapping[int, float], other: Mapping[int, float], weight: float) -> None:
    for agent, value in one.items():
        row = found[agent]
        for opponent, part in other.items():
            row[opponent] += weight * value * part
