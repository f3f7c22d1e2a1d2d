"""What batch raters share: options, a fit that is made when it is asked for, tables, and the form of the state."""

from __future__ import annotations

import zlib
from abc import abstractmethod
from math import isfinite, log
from typing import TYPE_CHECKING, Any

import msgpack

from evalengine import ConfigError, Rater
from evalengine.builtin.fits import strengths, tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine import Rating
    from evalengine.builtin.fits.strengths import Fit, Likelihood

ELO_SCALE = 400 / log(10)  # of a unit of log-odds
_FARTHEST = 40.0  # in log-odds, between what is said of agents beforehand: e^40 to 1 is no match to learn from
_CRC = 4


class Batch(Rater):
    """A rater that counts results as they come and fits them all when its table is asked for."""

    def __init__(
        self,
        *,
        scale: float,
        mean: float,
        anchors: Mapping[int, float] | None,
        prior: Mapping[int, Sequence[float]] | None,
        covariance: str,
    ) -> None:
        """Begin with no results.

        Args:
            scale: rating points a unit of log-odds; mean: of a component whose scale nothing fixes;
            anchors: ratings that are fixed; prior: (rating, deviation) that is known before the first result;
            covariance: "clustered" by rotation, or "model" (the inverse of the second derivatives).

        Raises:
            ConfigError: an option is out of range.
        """
        anchors, known = dict(anchors or {}), {agent: tuple(pair) for agent, pair in (prior or {}).items()}
        said = [*anchors.values(), *(pair[0] for pair in known.values() if pair)]
        self._check(isfinite(scale) and scale > 0 and isfinite(mean), "scale must be above 0, mean finite")
        self._check(covariance in ("clustered", "model"), 'covariance must be "clustered" or "model"')
        sound = all(len(pair) == 2 and isfinite(pair[1]) and pair[1] > scale / 1e4 for pair in known.values())  # noqa: PLR2004 - a pair
        self._check(sound, "a prior is (rating, deviation), its deviation above scale / 10,000")
        self._check(all(map(isfinite, said)), "an anchor or prior is a finite number")
        self._check(not anchors.keys() & known.keys(), "an agent has an anchor or a prior, not both")
        near = not said or max(said) - min(said) <= _FARTHEST * scale
        self._check(near, f"anchors and priors must lie within {_FARTHEST:g} * scale of each other")
        self._scale, self._mean = float(scale), float(mean)
        # What is said fixes the scale; computing from its middle keeps numbers small.
        self._origin = (min(said) + max(said)) / 2 if said else self._mean
        self._anchors, self._prior = anchors, known
        self._known = strengths.Known(
            anchors={agent: (rating - self._origin) / scale for agent, rating in anchors.items()},
            prior={agent: ((rating - self._origin) / scale, error / scale) for agent, (rating, error) in known.items()},
        )
        self._clustered = covariance == "clustered"
        self._fitted: Fit | None = None
        self._by_agent: dict[int, Rating] = {}

    def _check(self, sound: bool, told: str) -> None:  # noqa: FBT001 - what is checked
        if not sound:
            msg = f"rater {self.info.name!r}: {told}"
            raise ConfigError(msg)

    @abstractmethod
    def _likelihood(self) -> Likelihood:
        """Return what is counted so far as a likelihood."""

    @abstractmethod
    def _matches(self) -> Mapping[int, int]:
        """Return by agent how many matches it has played."""

    def _extra(self, fit: Fit) -> Mapping[str, Any]:
        """Return what stands in every line of the table."""
        return {}

    # ------------------------------------------------------------------------------ the table

    def fit(self) -> Fit:
        """Return the fit to all results so far; made anew after an update only."""
        if self._fitted is None:
            self._fitted = strengths.fit(self._likelihood(), self._known, clustered=self._clustered)
        return self._fitted

    def table(self, agents: Sequence[int]) -> Sequence[Rating]:
        """Return a line for each of `agents`, component by component, best first; who has not played comes last."""
        found = self._lines()
        wanted = set(agents)
        played = [line for line in found.values() if line.agent in wanted]
        fresh = [agent for agent in sorted(wanted) if agent not in found]
        known: dict[int, tuple[float, float]] = {agent: (rating, 0.0) for agent, rating in self._anchors.items()}
        known.update((agent, (rating, error)) for agent, (rating, error) in self._prior.items())
        number = 1 + max((line.component for line in found.values()), default=-1)
        return played + tables.unplayed(fresh, known, self._mean, number)

    def _lines(self) -> Mapping[int, Rating]:
        if not self._by_agent:
            fit = self.fit()
            found = tables.lines(
                fit,
                scale=self._scale,
                origin=self._origin,
                mean=self._mean,
                matches=self._matches(),
                extra=self._extra(fit),
            )
            self._by_agent = {line.agent: line for line in found}
        return self._by_agent

    def rating(self, agent: int) -> tuple[float, float]:
        """Return (rating, standard error) of an agent by its index."""
        line = self._lines().get(agent) or self.table([agent])[0]
        return line.rating, line.se

    def difference(self, one: int, other: int) -> tuple[float, float] | None:
        """Return by how much an agent is stronger than another, and its standard error; None without a connection."""
        fit = self.fit()
        place = {agent: number for number, agent in enumerate(fit.agents)}
        if any({place.get(one), place.get(other)} <= set(group) for group in fit.components):
            ahead, error = tables.difference(fit, place[one], place[other])
            return self._scale * ahead, self._scale * error
        return None

    def _changed(self) -> None:
        self._fitted = None
        self._by_agent = {}

    # ------------------------------------------------------------------------------ the state

    def _packed(self, *parts: Any) -> bytes:
        state: bytes = self._head() + msgpack.packb(parts)
        return state + zlib.crc32(state).to_bytes(_CRC, "little")

    def _head(self) -> bytes:
        return self.info.name.encode() + b"\1"

    def _unpacked(self, state: bytes) -> tuple[Any, ...]:
        """Return the parts that `_packed` was given.

        Raises:
            ValueError: the state is damaged or of another rater.
        """
        body, crc, head = state[:-_CRC], state[-_CRC:], self._head()
        if body.startswith(head) and crc == zlib.crc32(body).to_bytes(_CRC, "little"):
            parts: tuple[Any, ...] = msgpack.unpackb(body[len(head) :], use_list=False, strict_map_key=False)
            return parts
        msg = f"this is no state of rater {self.info.name!r}; rate the stored results anew"
        raise ValueError(msg)
