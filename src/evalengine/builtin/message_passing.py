"""TrueSkill for any number of teams: expectation propagation along the chain of teams in the order of their places.

Source: Herbrich, Minka and Graepel (2006), figure 1 and table 1. The factor graph is a chain, so four numbers a pair of
neighbours hold all its messages; they are passed up and down until they stand still.
"""

from __future__ import annotations

from itertools import pairwise
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

from evalengine.builtin.truncation import draw, win

if TYPE_CHECKING:
    from collections.abc import Sequence

_STILL = 1e-11  # of v, relative, and of w: ratings then stand to 1e-9
_SWEEPS = 200
_ABSENT = 1e-9  # the weight of who did not play: a team without any performance has no place


class Member(NamedTuple):
    """One agent of a team, before or after a match."""

    mu: float
    variance: float
    weight: float = 1.0


def rate(
    teams: Sequence[Sequence[Member]], ranks: Sequence[int], *, beta: float, unit_margin: float
) -> list[list[tuple[float, float]]]:
    """Return (mu, variance) by team and member after one match.

    Teams of equal rank are neighbours in the order given, as in the original: of three that tie, the one in the middle
    learns a little more.

    Args:
        teams: at least two; ranks: lower is better, equal when tied; beta: the noise of one agent in one match;
        unit_margin: the draw margin of one agent; that of two teams is sqrt(agents of both) times it.
    """
    order = sorted(range(len(teams)), key=ranks.__getitem__)
    chain = _Chain([teams[team] for team in order], beta, unit_margin)
    drawn = [ranks[one] == ranks[other] for one, other in pairwise(order)]
    chain.settle(drawn)
    after: list[list[tuple[float, float]]] = [[] for _ in teams]
    for place, team in enumerate(order):
        after[team] = chain.members_after(place)
    return after


class _Chain:
    """Teams from best to worst; performances as precision and precision times mean."""

    def __init__(self, teams: Sequence[Sequence[Member]], beta: float, unit_margin: float) -> None:
        self._teams = [[member._replace(weight=max(member.weight, _ABSENT)) for member in team] for team in teams]
        noise = beta * beta
        self._means = [sum(m.weight * m.mu for m in team) for team in self._teams]
        self._variances = [sum(m.weight**2 * (m.variance + noise) for m in team) for team in self._teams]
        links = len(teams) - 1
        sizes = list(map(len, teams))
        self._margins = [unit_margin * sqrt(sizes[k] + sizes[k + 1]) for k in range(links)]
        # What pair k tells its better team (down) and its worse one (up); one more at the far end, which says nothing.
        self._down = [(0.0, 0.0)] * (links + 1)
        self._up = [(0.0, 0.0)] * (links + 1)

    def settle(self, drawn: Sequence[bool]) -> None:
        """Pass messages until they stand still; two teams need one message."""
        links = len(drawn)
        if links == 1:
            self._pass(0, drawn=drawn[0])
            return
        sweep = [*range(links), *range(links - 2, 0, -1)]
        last = [(0.0, 0.0)] * links
        for _ in range(_SWEEPS):
            moved = False
            for k in sweep:
                v, w = self._pass(k, drawn=drawn[k])
                before, narrowed = last[k]
                moved = moved or abs(v - before) > _STILL * (1 + abs(v)) or abs(w - narrowed) > _STILL
                last[k] = v, w
            if not moved:
                return

    def _pass(self, k: int, *, drawn: bool) -> tuple[float, float]:
        """Renew what pair k tells its two teams; return v and w.

        With t, c2 the mean and variance of the difference without this pair's word, the truncated one has the mean
        t + c v and the variance c2 (1 - w). Its word is that, divided by what was there; written so that neither a
        certain word (w = 1) nor an empty one (w = 0) divides by 0.
        """
        own, other = self._variances[k], self._variances[k + 1]
        told, word = self._up[k - 1] if k else (0.0, 0.0)
        precision = 1 / own + told
        better, better_variance = (self._means[k] / own + word) / precision, 1 / precision
        told, word = self._down[k + 1]
        precision = 1 / other + told
        worse, worse_variance = (self._means[k + 1] / other + word) / precision, 1 / precision
        total = better_variance + worse_variance
        root = sqrt(total)
        lead, edge = (better - worse) / root, self._margins[k] / root
        v, w = draw(lead, edge) if drawn else win(lead - edge)
        loose, push = total * max(1 - w, 0.0), root * v
        width = loose + w * worse_variance
        self._down[k] = (w / width, (better * w + push) / width) if width else (0.0, 0.0)
        width = loose + w * better_variance
        self._up[k] = (w / width, (worse * w - push) / width) if width else (0.0, 0.0)
        return v, w

    def members_after(self, place: int) -> list[tuple[float, float]]:
        """Return (mu, variance) of a team's members, given what both neighbours told of its performance."""
        from_above, above = self._up[place - 1] if place else (0.0, 0.0)
        from_below, below = self._down[place]
        told = from_above + from_below
        spread = 1 + told * self._variances[place]
        push, narrow = (above + below - told * self._means[place]) / spread, told / spread
        return [
            (mu + weight * variance * push, variance * (1 - weight * weight * variance * narrow))
            for mu, variance, weight in self._teams[place]
        ]
