"""What stops a run by itself: its rule, fed with results in match_no order, stored, and told to people."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from evalengine import references
from evalengine.errors import ConfigError
from evalengine.model import Termination
from evalengine.statistics.stopping import ScoreStopping, SprtStopping, UntilSettled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.planning import ChosenGame
    from evalengine.store import Store, Stored

_GROWTH = 1.02  # of the matches fed, from one stored state to the next; what came since is fed again on resume
_CHUNK = 1_000
_SHOWN = 10  # agents of an order
_UNITS = {"normalized": "nElo", "logistic": "Elo", "bayesian": "BayesElo"}
_VOID = Termination.VOID.value  # read once: an enum's `.value` costs 0.2 us each time


class Stopping:
    """The rule of one run with what it was fed.

    Attributes:
        fed: how many matches, in match_no order, decided or are to decide: those that count.
    """

    def __init__(
        self, rule: SprtStopping | ScoreStopping | UntilSettled, agents: Sequence[str], game: ChosenGame
    ) -> None:
        self.rule = rule
        self._agents = agents  # names
        self._seats = tuple(seats[0] for seats in game.sides)  # one agent has all seats of its side
        self.fed = 0
        self._saved = -1

    @property
    def decided_no(self) -> int | None:
        """The match that decided, None while none has."""
        return self.rule.decided_no

    def used(self, results: Sequence[Stored]) -> Sequence[Stored]:
        """Feed the next results in match_no order; return those that count: all, or up to the one that decides.

        What was fed already, and is rated again because it was not saved, is not fed again.
        """
        again = results[: max(0, self.fed - results[0][0])] if results else ()
        return [*again, *self._feed(results[len(again) :])]

    def _feed(self, results: Sequence[Stored]) -> Sequence[Stored]:
        if self.rule.done:
            return ()
        one, other = self._seats
        for number, (match_no, _, termination, agents, _, places, _, rotation) in enumerate(results):
            points = points_of(termination, places[one], places[other])
            pair = self._agents[agents[one]], self._agents[agents[other]]
            if self.rule.feed(match_no, pair, rotation, points):
                results = results[: number + 1]
                break
        self.fed += len(results)
        return results

    # ------------------------------------------------------------------------------------- the store

    def save(self, store: Store, run: int, *, last: bool = False) -> None:
        """Write the state when it has grown by a fiftieth, at the decision, or at the last; within a transaction."""
        decided = self.decided_no is not None
        if self.fed != self._saved and (last or decided or self.fed >= self._saved * _GROWTH):
            row = (run, self.fed, self.rule.dump(), json.dumps(self.told()))
            store.replace("stopping", [row], len(row))
            self._saved = self.fed
            if decided:
                store.set_run(run, decided_at=self.decided_no)

    def load(self, store: Store, run: int, rated: int) -> None:
        """Continue from what the store holds, and feed what was rated since.

        Args:
            rated: how many matches, in match_no order, ratings contain.

        Raises:
            ValueError: what is stored is damaged; a new rule can be fed with all results.
        """
        for row in store.rows("select * from stopping where run = ?", run):
            try:
                self.rule = type(self.rule).load(row["state"])
                self.fed = self._saved = int(row["watermark"])
            except (ValueError, TypeError, LookupError, ConfigError) as error:
                msg = f"the state of what stops the run cannot be read ({references.one_line(error)})"
                raise ValueError(msg) from error
        self.feed_stored(store, run, rated)

    def feed_stored(self, store: Store, run: int, rated: int) -> None:
        """Feed what is stored and was not fed, as far as it is rated."""
        while self.fed < rated:
            chunk = store.stored(run, self.fed, min(_CHUNK, rated - self.fed))
            if not self._feed(chunk):
                return

    # ------------------------------------------------------------------------------------- for people

    def told(self) -> dict[str, Any]:
        """Return the numbers behind the decision, or behind there being none yet."""
        if isinstance(self.rule, SprtStopping):
            found: dict[str, Any] = {"rule": "sprt", "agents": self.rule.agents, **asdict(self.rule.result())}
            found["rotation"], found["counts"] = self.rule.rotations.size, self.rule.counts()
        elif isinstance(self.rule, ScoreStopping):
            found = {"rule": "until", "agents": self.rule.agents, **asdict(self.rule.result())}
            found["rotation"], found["counts"] = self.rule.rotations.size, self.rule.counts()
        else:
            found = {"rule": "until", **asdict(self.rule.result())}
            settled = found.pop("settled")
            found["decision"] = ("separated" if found["top"] is None else "top") if settled else None
            found["rotation"] = self.rule.rotations.size
        found = {key: list(value) if isinstance(value, tuple) else value for key, value in found.items()}
        return found | {"decided_at": self.decided_no, "matches": self.fed}

    def goal(self) -> str:
        """Return when the run stops, for the header."""
        if isinstance(self.rule, SprtStopping):
            test, (first, second) = self.rule.test, self.rule.agents
            units = "rotations" if self.rule.rotations.size > 1 else "single matches"
            return (
                f"stops when {first} against {second} is shown to be {test.elo0:g} or {test.elo1:g} "
                f"{_UNITS[test.model]} (alpha {test.alpha:g}, beta {test.beta:g}, {units})"
            )
        if isinstance(self.rule, ScoreStopping):
            claim, (first, second) = self.rule, self.rule.agents
            return (
                f"stops when {first} against {second} is shown to score more than {claim.threshold:.1%}, or not more "
                f"(alpha {claim.alpha:g})"
            )
        found = self.rule.result()
        what = "all neighbours are separated" if found.top is None else f"the top {found.top} are settled"
        margin = f", margin {found.margin_elo:g} Elo" if found.margin_elo else ""
        return f"stops when {what} (alpha {found.alpha:g}{margin})"

    def status(self) -> str:
        """Return where the rule stands, in a few words."""
        if isinstance(self.rule, SprtStopping):
            found = self.rule.result()
            return f"LLR {found.llr:.2f} ({found.lower:.2f}, {found.upper:.2f})"
        if isinstance(self.rule, ScoreStopping):
            claim = self.rule.result()
            return f"score {claim.score:.1%} ({claim.lo:.1%}, {claim.hi:.1%})"
        settled = self.rule.result()
        return f"doubt {settled.doubt:.3g}, {settled.alpha:g} wanted"

    def line(self) -> str:
        """Return what was decided and why, or that nothing was."""
        return f"{self._verdict()}; {self.status()}, after {self.fed} matches"

    def _verdict(self) -> str:
        if isinstance(self.rule, SprtStopping):
            found, (first, second) = self.rule.result(), self.rule.agents
            unit = _UNITS[found.model]
            if found.decision == "H1":
                by = f"by {found.elo1:g} {unit} rather than {found.elo0:g}"
                return f"H1 accepted: {first} is stronger than {second}, {by}"
            if found.decision == "H0":
                return f"H0 accepted: {first} against {second} is {found.elo0:g} {unit} rather than {found.elo1:g}"
            return f"undecided between {found.elo0:g} and {found.elo1:g} {unit} of {first} against {second}"
        if isinstance(self.rule, ScoreStopping):
            return _score_verdict(self.rule)
        return _settled_verdict(self.rule)


def points_of(termination: str, place: int, other: int) -> float | None:
    """Return the points of the side with the first of two places: 0, 0.5 or 1; None of a void."""
    return None if termination == _VOID else (1 + (place < other) - (place > other)) / 2


def _score_verdict(rule: ScoreStopping) -> str:
    (first, second), found = rule.agents, rule.result()
    told = f"{first} scores more than {found.threshold:.1%} against {second}"
    if found.decision == "above":
        return f"shown: {told}"
    if found.decision == "not above":
        return f"shown: {told.replace('scores more', 'scores no more')}"
    return f"undecided whether {told}"


def _settled_verdict(rule: UntilSettled) -> str:
    found = rule.result()
    what = "all neighbours" if found.top is None else f"the top {found.top}"
    if not found.settled:
        between = f", most of all {' and '.join(found.closest)}" if found.closest else ""
        return f"unsettled: {what}{between}"
    order = list(found.order[: found.top])
    shown = (", " if found.top else " > ").join(order[:_SHOWN]) + " ..." * (len(order) > _SHOWN)
    return f"settled: {what}: {shown}"
