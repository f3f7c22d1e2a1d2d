"""From a likelihood to strengths with their covariance: what is fixed, what is known before, what is connected.

Covariance: the sandwich with rotations as clusters, H^-1 (sum over rotations of g g') H^-1 (Huber 1967; Liang and Zeger
1986), since matches of one rotation share an opening, and since a draw varies less than the model thinks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from evalengine.builtin.fits.graphs import strong_components, weak_components
from evalengine.builtin.fits.matrices import centred, inverse, sandwich
from evalengine.builtin.fits.newton import NoMaximumError, maximise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine.builtin.fits.matrices import Matrix, Vector

_SCALE = -1  # a node that stands for the scale itself: what is fixed or known before is connected through it
_WEAK = 3.0  # standard deviation, in log-odds, of the prior that keeps finite what results alone do not
_LARGE = 8.0  # the first seat's advantage, in log-odds, beyond which it is taken for infinite


class Likelihood(Protocol):
    """Concave in the agents' strengths and whatever `seats` adds to the parameters."""

    agents: list[int]
    seats: list[int]
    clusters: int

    def above(self) -> dict[int, list[int]]: ...
    def evaluate(self, place: Vector) -> tuple[float, Vector, Matrix]: ...
    def meat(self, place: Vector, group_of: Mapping[int, int], bread: Matrix) -> Matrix: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What is said of agents beforehand, in log-odds."""

    anchors: Mapping[int, float] = field(default_factory=dict)
    prior: Mapping[int, tuple[float, float]] = field(default_factory=dict)  # mean, standard deviation


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """Strengths by place, with the covariance of all parameters.

    Attributes:
        components: places of agents, by connected group; absolute: by component whether something fixes its scale,
        else its mean is 0; provisional: places whose results alone have no maximum.
    """

    agents: Sequence[int]
    seats: Sequence[int]
    values: Vector
    covariance: Matrix
    components: Sequence[Sequence[int]]
    absolute: Sequence[bool]
    provisional: frozenset[int]


def fit(likelihood: Likelihood, known: Known, *, clustered: bool) -> Fit:
    """Return the strengths that make the results likeliest, given what is known."""
    if not likelihood.agents:
        return Fit(agents=(), seats=(), values=[], covariance=[], components=(), absolute=(), provisional=frozenset())
    return _Fitting(likelihood, known).done(clustered=clustered)


class _Fitting:
    """One fit on its way."""

    def __init__(self, likelihood: Likelihood, known: Known) -> None:
        self._likelihood = likelihood
        self._known = known
        agents = likelihood.agents
        self._size = len(agents) + len(likelihood.seats)
        fixed = [agent for agent in agents if agent in known.anchors or agent in known.prior]
        above = likelihood.above()
        for agent in fixed:
            above.setdefault(agent, []).append(_SCALE)
        above[_SCALE] = fixed
        groups = weak_components(agents, above)
        strong = strong_components([_SCALE, *agents], above)
        self._group_of = {agent: number for number, group in enumerate(strong) for agent in group}
        place = {agent: number for number, agent in enumerate(agents)}
        self._absolute = [_SCALE in group for group in groups]
        self._components = [[place[agent] for agent in group if agent != _SCALE] for group in groups]
        self._weak: set[int] = set()  # places that get the weak prior
        self._provisional: set[int] = set()
        sizes = {number: len(group) for number, group in enumerate(strong)}
        for component in self._components:
            self._judge(component, sizes)
        # In every component without a scale, a term that holds its mean at 0 and changes no difference.
        self._held: list[Sequence[int]] = []

    def _judge(self, component: Sequence[int], sizes: Mapping[int, int]) -> None:
        """Note who of a component has no finite strength by results alone."""
        agents = self._likelihood.agents
        numbers = sorted({self._group_of[agents[place]] for place in component})
        if len(numbers) == 1 and (len(component) > 1 or sizes[numbers[0]] > 1):
            return
        self._weak.update(component)
        scale = self._group_of[_SCALE]
        most = max(sizes[number] for number in numbers)
        main = [number for number in numbers if sizes[number] == most and most > 1]
        kept = scale if scale in numbers and sizes[scale] > 1 else main[0] if len(main) == 1 else None
        self._provisional.update(place for place in component if self._group_of[agents[place]] != kept)

    def done(self, *, clustered: bool) -> Fit:
        values = self._maximum()
        covariance = self._covariance(values, clustered=clustered)
        relative = [group for group, absolute in zip(self._components, self._absolute, strict=True) if not absolute]
        for group in relative:
            mean = sum(values[place] for place in group) / len(group)
            for place in group:
                values[place] -= mean
        return Fit(
            agents=self._likelihood.agents,
            seats=self._likelihood.seats,
            values=values,
            covariance=centred(covariance, relative),
            components=self._components,
            absolute=self._absolute,
            provisional=frozenset(self._provisional),
        )

    def _maximum(self) -> Vector:
        """Return the parameters, with as much of a weak prior as it takes to have any."""
        agents = len(self._likelihood.agents)
        seats = range(agents, self._size)
        for weak in (set(), set(seats), set(range(self._size))):
            self._weak |= weak
            if len(weak) > len(seats):
                self._provisional.update(range(agents))
            try:
                values = self._newton()
            except NoMaximumError:
                continue
            if weak or all(abs(values[seat]) < _LARGE for seat in seats):
                return values
        msg = "a likelihood with a prior on each parameter has no maximum"
        raise AssertionError(msg)

    def _newton(self) -> Vector:
        agents = self._likelihood.agents
        self._start = [self._known.anchors.get(agent, 0.0) for agent in agents] + [0.0] * len(self._likelihood.seats)
        anchored = {place for place, agent in enumerate(agents) if agent in self._known.anchors}
        self._free = [place for place in range(self._size) if place not in anchored]
        self._priors = self._all_priors()
        self._held = [
            group
            for group, absolute in zip(self._components, self._absolute, strict=True)
            if not absolute and not self._weak.intersection(group)
        ]
        found = maximise(self._evaluate, [self._start[place] for place in self._free])
        return self._whole(found)

    def _all_priors(self) -> dict[int, tuple[float, float]]:
        """Return (mean, precision) by place."""
        agents, known = self._likelihood.agents, self._known
        priors: dict[int, tuple[float, float]] = {}
        for group in [*self._components, list(range(len(agents), self._size))]:
            said = [
                known.prior[agent][0] if agent in known.prior else known.anchors[agent]
                for agent in (agents[place] for place in group if place < len(agents))
                if agent in known.prior or agent in known.anchors
            ]
            centre = sum(said) / len(said) if said else 0.0
            priors.update((place, (centre, _WEAK**-2)) for place in group if place in self._weak)
        for place, agent in enumerate(agents):
            if agent in known.prior:
                mean, deviation = known.prior[agent]
                priors[place] = mean, deviation**-2
        return {place: prior for place, prior in priors.items() if place in set(self._free)}

    def _whole(self, found: Vector) -> Vector:
        values = list(self._start)
        for place, value in zip(self._free, found, strict=True):
            values[place] = value
        return values

    def _evaluate(self, found: Vector) -> tuple[float, Vector, Matrix]:
        values = self._whole(found)
        value, slope, bend = self._likelihood.evaluate(values)
        for place, (mean, precision) in self._priors.items():
            off = values[place] - mean
            value -= precision * off * off / 2
            slope[place] -= precision * off
            bend[place][place] += precision
        for group in self._held:
            self._hold(group, bend)
        return value, self._cut(slope), [self._cut(bend[place]) for place in self._free]

    def _hold(self, group: Sequence[int], bend: Matrix) -> None:
        """Make the second derivatives regular along the mean, which the likelihood does not see."""
        weight = sum(bend[place][place] for place in group) / len(group) ** 2
        for place in group:
            row = bend[place]
            for other in group:
                row[other] += weight

    def _cut(self, row: Vector) -> Vector:
        return row if len(self._free) == self._size else [row[place] for place in self._free]

    def _covariance(self, values: Vector, *, clustered: bool) -> Matrix:
        _, _, bend = self._evaluate([values[place] for place in self._free])
        bread = inverse(bend)
        if not clustered:
            return self._spread(bread)
        whole = self._likelihood.meat(values, self._group_of, self._spread(bread))
        meat = [self._cut(whole[place]) for place in self._free]
        for number, place in enumerate(self._free):
            if place in self._priors:
                meat[number][number] += self._priors[place][1]
        return self._spread(sandwich(bread, meat))

    def _spread(self, free: Matrix) -> Matrix:
        """Return the covariance of all parameters: 0 for those that are fixed."""
        found = [[0.0] * self._size for _ in range(self._size)]
        for place, row in zip(self._free, free, strict=True):
            for other, value in zip(self._free, row, strict=True):
                found[place][other] = value
        return found
