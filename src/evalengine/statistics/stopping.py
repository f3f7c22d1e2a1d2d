"""Sequential stopping: fed with results in match_no order, it says at which match the answer was there.

The decision falls at the smallest match_no prefix that allows it, whatever the chunks in which results come, and
however often a state is stored and taken up again.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal

from evalengine.errors import ConfigError
from evalengine.statistics import betting
from evalengine.statistics import counts as counting
from evalengine.statistics.rotations import RotationCounts, packed, unpacked
from evalengine.statistics.sequential import Model, Sprt, SprtResult
from evalengine.statistics.settling import Settled, settled

_GROWTH = 20  # one look each time that the results have grown by a twentieth


class _OfTwo:
    """A rule on two agents, looked at after every rotation; `_crossed` says whether the counts decide."""

    def __init__(self, first: str, second: str, rotation: int) -> None:
        self.agents = first, second
        self.rotations = RotationCounts(rotation)
        self.decided_no: int | None = None
        self.unused = 0  # matches after the decision

    @property
    def done(self) -> bool:
        """Tell whether the decision has fallen."""
        return self.decided_no is not None

    def feed(self, match_no: int, pair: tuple[str, str], rotation: int, points: float | None) -> bool:
        """Count one match, `points` being those of the first of the pair (None: void); tell whether all is decided.

        Raises:
            ConfigError: not in match_no order, or another pair.
        """
        if self.done:
            self.unused += 1
            return True
        if {*pair} != {*self.agents}:
            msg = f"match {match_no} is of {pair[0]!r} and {pair[1]!r}. Feed the test with matches of {self.agents!r}."
            raise ConfigError(msg)
        if self.rotations.feed(match_no, pair, rotation, points) and self._crossed(self.counts()):
            self.decided_no = match_no
        return self.done

    def _crossed(self, counts: list[int]) -> bool:
        raise NotImplementedError

    def counts(self) -> list[int]:
        """Return the counts by class, from the first agent's side."""
        first, second = self.agents
        if first < second:
            return list(self.rotations.pairs.get((first, second), self._none()))
        return self.rotations.pairs.get((second, first), self._none())[::-1]

    def _none(self) -> list[int]:
        return [0] * (2 * self.rotations.size + 1)

    def _dumped(self, settings: dict[str, Any]) -> bytes:
        """Return the whole state, the same bytes for the same results."""
        return packed(
            {
                "agents": self.agents,
                "settings": settings,
                "rotations": self.rotations.state(),
                "decided_no": self.decided_no,
                "unused": self.unused,
            }
        )

    def _take_up(self, state: dict[str, Any]) -> None:
        self.rotations = RotationCounts.from_state(state["rotations"])
        self.decided_no, self.unused = state["decided_no"], state["unused"]


class SprtStopping(_OfTwo):
    """The sequential test of two agents, looked at after every rotation."""

    def __init__(
        self,
        first: str,
        second: str,
        *,
        elo0: float = 0.0,
        elo1: float,
        model: Model = "normalized",
        alpha: float = 0.05,
        beta: float = 0.05,
        rotation: int = 2,
    ) -> None:
        """Test whether `first` is stronger than `second` by elo1 rather than by elo0.

        `rotation` is the matches of one: 2, or 1 where no seats are changed. The bayesian model knows single matches
        only.
        """
        self.test = Sprt(elo0=elo0, elo1=elo1, model=model, alpha=alpha, beta=beta)
        if rotation not in (1, 2) or (model == "bayesian" and rotation == 2):  # noqa: PLR2004 - both seats
            msg = f"rotations of {rotation!r} with model {model!r}. Give 2 or 1; 1 for the bayesian model."
            raise ConfigError(msg)
        super().__init__(first, second, rotation)

    def _crossed(self, counts: list[int]) -> bool:
        return self.test.crossed(counts)

    def result(self) -> SprtResult:
        """Return where the test stands; once decided, where it was decided."""
        return self.test.after(self.counts())

    def dump(self) -> bytes:
        """Return the whole state, the same bytes for the same results."""
        test = self.test
        return self._dumped(
            {
                "elo0": test.elo0,
                "elo1": test.elo1,
                "model": test.model,
                "alpha": test.alpha,
                "beta": test.beta,
                "rotation": self.rotations.size,
            }
        )

    @classmethod
    def load(cls, blob: bytes) -> SprtStopping:
        """Return what `dump` was called on."""
        state = unpacked(blob)
        made = cls(*state["agents"], **state["settings"])
        made._take_up(state)
        return made


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreResult:
    """Where a claim on a mean score stands; each bound holds at any time, with an error of at most alpha."""

    decision: Literal["above", "not above"] | None  # None: play on
    score: float  # mean points of a match, 0 to 1, over whole rotations
    lo: float
    hi: float
    threshold: float
    alpha: float
    units: int  # rotations, or matches, that were counted


class ScoreStopping(_OfTwo):
    """Waits until the first of two agents is shown to score more than a threshold against the other, or not more.

    Each answer is wrong with a probability of at most alpha, for any number of matches: see `betting`.
    """

    def __init__(
        self, first: str, second: str, *, threshold: float = 0.5, alpha: float = 0.05, rotation: int = 2
    ) -> None:
        """Begin without results.

        Raises:
            ConfigError: a number out of range.
        """
        self.threshold = counting.between("score", threshold, 0, 1)
        self.alpha = counting.between("alpha", alpha, 0, 0.5)
        super().__init__(first, second, rotation)

    def _crossed(self, counts: list[int]) -> bool:
        wanted = -math.log(self.alpha)
        above, below = (
            evidence(counts, self.threshold) for evidence in (betting.evidence_above, betting.evidence_below)
        )
        return above >= wanted or below >= wanted

    def result(self) -> ScoreResult:
        """Return where the claim stands; once decided, where it was decided."""
        counts = self.counts()
        units, mean, _ = counting.moments(counts)
        above = betting.evidence_above(counts, self.threshold) >= -math.log(self.alpha)
        return ScoreResult(
            decision=None if not self._crossed(counts) else "above" if above else "not above",
            score=mean,
            lo=betting.lower_bound(counts, self.alpha),
            hi=betting.upper_bound(counts, self.alpha),
            threshold=self.threshold,
            alpha=self.alpha,
            units=round(units),
        )

    def dump(self) -> bytes:
        """Return the whole state, the same bytes for the same results."""
        return self._dumped({"threshold": self.threshold, "alpha": self.alpha, "rotation": self.rotations.size})

    @classmethod
    def load(cls, blob: bytes) -> ScoreStopping:
        """Return what `dump` was called on."""
        state = unpacked(blob)
        made = cls(*state["agents"], **state["settings"])
        made._take_up(state)
        return made


class UntilSettled:
    """Waits until the best K are settled or, with top=None, every neighbour is separated; looks at fixed points.

    The first look is after two rotations of every pair, each further one after a twentieth more, and at least one
    block.
    """

    def __init__(
        self,
        agents: list[str],
        *,
        top: int | None = None,
        alpha: float = 0.05,
        margin_elo: float = 0.0,
        rotation: int = 2,
        block: int | None = None,
    ) -> None:
        """Wait for a claim on all `agents`.

        `block` is the matches after which all pairs have met alike; by default those of one rotation of every pair.
        """
        self.agents = sorted(agents)
        if len(set(agents)) != len(agents) or len(agents) < 2:  # noqa: PLR2004 - an order of two
            msg = f"the agents are {agents!r}. Give at least two, each once."
            raise ConfigError(msg)
        self.settings = {"top": top, "alpha": alpha, "margin_elo": margin_elo}
        self.rotations = RotationCounts(rotation)
        self.block = block or rotation * len(agents) * (len(agents) - 1) // 2
        self.look_at = 2 * self.block
        self.looks = 0
        self.decided_no: int | None = None
        self.unused = 0  # matches after the decision
        self._verdict = self._look()  # refuses settings that cannot be, before the first match

    @property
    def done(self) -> bool:
        """Tell whether the decision has fallen."""
        return self.decided_no is not None

    def feed(self, match_no: int, pair: tuple[str, str], rotation: int, points: float | None) -> bool:
        """Count one match, `points` being those of the first of the pair (None: void); tell whether all is decided.

        Raises:
            ConfigError: not in match_no order, or an agent that is none of these.
        """
        if self.done:
            self.unused += 1
            return True
        if not {*pair} <= {*self.agents}:
            msg = f"match {match_no} is of {pair[0]!r} and {pair[1]!r}. Feed only matches among {self.agents!r}."
            raise ConfigError(msg)
        self.rotations.feed(match_no, pair, rotation, points)
        if self.rotations.fed >= self.look_at:
            self.looks += 1
            self.look_at += self.block * max(1, self.look_at // _GROWTH // self.block)
            self._verdict = self._look()
            if self._verdict.settled:
                self.decided_no = match_no
        return self.done

    def _look(self) -> Settled:
        # A pair that has not met counts, too: nothing is settled about an agent that played nobody.
        none = [0] * (2 * self.rotations.size + 1)
        ring = pairwise(self.agents)
        pairs = dict.fromkeys(ring, none) | self.rotations.pairs
        return settled(pairs, **self.settings)  # type: ignore[arg-type]  # one dict of three kinds of numbers

    def result(self) -> Settled:
        """Return what the last look said; before the first look, nothing is settled."""
        return self._verdict

    def dump(self) -> bytes:
        """Return the whole state, the same bytes for the same results."""
        return packed(
            {
                "agents": self.agents,
                "settings": {**self.settings, "rotation": self.rotations.size, "block": self.block},
                "rotations": self.rotations.state(),
                "look_at": self.look_at,
                "looks": self.looks,
                "decided_no": self.decided_no,
                "unused": self.unused,
                "verdict": asdict(self._verdict),
            }
        )

    @classmethod
    def load(cls, blob: bytes) -> UntilSettled:
        """Return what `dump` was called on."""
        state = unpacked(blob)
        made = cls(state["agents"], **state["settings"])
        made.rotations = RotationCounts.from_state(state["rotations"])
        for name in ("look_at", "looks", "decided_no", "unused"):
            setattr(made, name, state[name])
        made._verdict = _verdict(state["verdict"])
        return made


def _verdict(state: dict[str, Any]) -> Settled:
    closest = state.pop("closest")
    order = tuple(state.pop("order"))
    return Settled(**state, order=order, closest=None if closest is None else tuple(closest))
