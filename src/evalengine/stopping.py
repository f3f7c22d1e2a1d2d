"""Runs that stop by themselves: the rule that a person gave, fed with results in match_no order, and what it says."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from evalengine import references
from evalengine.errors import ConfigError, UsageError
from evalengine.model import Termination
from evalengine.statistics.stopping import SprtStopping, UntilSettled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalengine.model import AgentSpec, MatchSpec
    from evalengine.planning import ChosenGame, Settings
    from evalengine.store import Store, Stored

CAP = 1_000_000  # matches, where nobody says how many: agents that are equal might never be told apart
WHOLE = 2  # matches of a rotation of two sides
_SIDES = 2
_GROWTH = 1.02  # of the matches fed, from one stored state to the next; what came since is fed again on resume
_CHUNK = 1_000
_SHOWN = 10  # agents of an order
_SPRT = ("elo0", "elo1", "alpha", "beta", "model")
_UNTIL = ("top", "separated", "margin", "alpha")
_UNITS = {"normalized": "nElo", "logistic": "Elo", "bayesian": "BayesElo"}
_VOID = Termination.VOID.value

Rule = SprtStopping | UntilSettled


# ------------------------------------------------------------------------------- what was asked for


def capped(settings: Settings) -> Settings:
    """Return the settings with a number of matches where a rule has none."""
    endless = settings.matches is None and settings.rounds is None
    return replace(settings, matches=CAP) if endless and _option(settings) else settings


def make(settings: Settings, games: Sequence[ChosenGame], agents: Sequence[AgentSpec], rotation: int) -> Rule | None:
    """Return the rule of a run, None when it has none.

    Args:
        rotation: matches of one, see `rotation_of`.

    Raises:
        UsageError: the rule cannot be read, or does not fit games and agents.
    """
    option = _option(settings)
    if not option:
        return None
    if settings.sprt and settings.until:
        msg = "--sprt and --until exclude each other: give one"
        raise UsageError(msg)
    _check_games(option, games)
    _check_choice(option, settings)
    names = [agent.name for agent in agents]
    try:
        return _sprt(settings.sprt, names, rotation) if settings.sprt else _until(settings.until, names, rotation)
    except ConfigError as error:  # the statistics know nothing of options
        msg = f"{option}: {str(error).replace('margin_elo', 'margin')}"
        raise ConfigError(msg) from None


def rotation_of(specs: Iterable[MatchSpec]) -> int:
    """Return how many matches a rotation of the plan has: 2, or 1 where seats are not changed."""
    first = list(itertools.islice(specs, 2))
    if len(first) < _SIDES:
        return 1
    one, other = first
    changed = one.agents != other.agents and sorted(one.agents) == sorted(other.agents)
    return WHOLE if changed and one.rotation == other.rotation else 1


def _option(settings: Settings) -> str:
    return "--sprt" if settings.sprt else "--until" if settings.until else ""


def _check_games(option: str, games: Sequence[ChosenGame]) -> None:
    if len(games) > 1:
        told = ", ".join(game.ref for game in games)
        msg = f"{option} decides on one game, {len(games)} are chosen ({told}): play them in runs of their own"
        raise UsageError(msg)
    (game,) = games
    if len(game.sides) != _SIDES:
        msg = f"{option} is for games of two sides, {game.ref} has {len(game.sides)}: leave it out"
        raise UsageError(msg)
    if game.game.spec.utility in ("general", "identical"):
        msg = f"{option} counts wins and draws, and in {game.ref} it is the scores that count: leave it out"
        raise UsageError(msg)


def _check_choice(option: str, settings: Settings) -> None:
    if settings.select or settings.deselect or settings.failed_of is not None:
        msg = f"{option} counts whole rotations, which -k, --deselect and --lf take apart: leave them or {option} out"
        raise UsageError(msg)


def _sprt(text: str, names: Sequence[str], rotation: int) -> SprtStopping:
    if len(names) != _SIDES:
        msg = f"it tests the first of two agents against the second, and {_playing(names)}. Name two"
        raise ConfigError(msg)
    parts = _parts(text, _SPRT)
    if "elo1" not in parts:
        msg = "elo1 is missing. Write what to test for, such as elo0=0,elo1=20"
        raise ConfigError(msg)
    model: Any = parts.pop("model", "normalized")
    numbers: dict[str, Any] = {key: _number(key, value) for key, value in parts.items()}
    return SprtStopping(*names, model=model, rotation=1 if model == "bayesian" else rotation, **numbers)


def _until(text: str, names: Sequence[str], rotation: int) -> UntilSettled:
    if len(names) < _SIDES:
        msg = f"it compares agents, and {_playing(names)}. Name two or more"
        raise ConfigError(msg)
    parts = _parts(text, _UNTIL)
    if ("top" in parts) == ("separated" in parts) or parts.get("separated"):
        msg = f"{text!r} says not when. Write top=K or separated, and after it margin=ELO or alpha=A if need be"
        raise ConfigError(msg)
    top = None
    if "top" in parts:
        top = int(parts["top"]) if parts["top"].isdecimal() else _number("top", parts["top"])
    return UntilSettled(
        list(names),
        top=top,  # type: ignore[arg-type]  # 2.5 is refused there, with the range
        alpha=_number("alpha", parts.get("alpha", "0.05")),
        margin_elo=_number("margin", parts.get("margin", "0")),
        rotation=rotation,
    )


def _playing(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN]) + ", ..." * (len(names) > _SHOWN)
    return f"{len(names)} play{'s' * (len(names) == 1)}: {shown}"


def _parts(text: str, known: Sequence[str]) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in text.split(","):
        key, _, value = (word.strip() for word in part.partition("="))
        if key not in known:
            raise ConfigError(f"{references.unknown('setting', key, known)} Known: {', '.join(known)}")  # noqa: EM102, TRY003 - made there
        if key in parts:
            msg = f"{key} is given twice. Give it once"
            raise ConfigError(msg)
        parts[key] = value
    return parts


def _number(key: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        msg = f"{key}={text} is no number. Write {key}= and a number"
        raise ConfigError(msg) from None


# ------------------------------------------------------------------------------------- while playing


class Stopping:
    """The rule of one run with what it was fed.

    Attributes:
        fed: how many matches, in match_no order, decided or are to decide: those that count.
    """

    def __init__(self, rule: Rule, agents: Sequence[str], game: ChosenGame) -> None:
        self.rule = rule
        self._agents = agents  # names
        self._seats = tuple(seats[0] for seats in game.sides)  # one agent has all seats of its side
        self.fed = 0
        self._saved = -1
        self._counted: list[Stored] = []

    @property
    def decided_no(self) -> int | None:
        """The match that decided, None while none has."""
        return self.rule.decided_no

    def used(self, results: Sequence[Stored]) -> Sequence[Stored]:
        """Feed the next results in match_no order; return those that count: all, or up to the one that decides."""
        results = self._feed(results)
        self._counted += results
        return results

    def counted(self) -> list[Stored]:
        """Return what was used since the last call."""
        found, self._counted = self._counted, []
        return found

    def _feed(self, results: Sequence[Stored]) -> Sequence[Stored]:
        if self.rule.done:
            return ()
        one, other = self._seats
        for number, (match_no, _, termination, agents, _, places, _, rotation) in enumerate(results):
            points = (
                None
                if termination == _VOID
                else (1 + (places[one] < places[other]) - (places[one] > places[other])) / 2
            )
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
        """
        for row in store.rows("select * from stopping where run = ?", run):
            self.rule = type(self.rule).load(row["state"])
            self.fed = self._saved = row["watermark"]
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
        found = self.rule.result()
        what = "all neighbours are separated" if found.top is None else f"the top {found.top} are settled"
        margin = f", margin {found.margin_elo:g} Elo" if found.margin_elo else ""
        return f"stops when {what} (alpha {found.alpha:g}{margin})"

    def status(self) -> str:
        """Return where the rule stands, in a few words."""
        if isinstance(self.rule, SprtStopping):
            found = self.rule.result()
            return f"LLR {found.llr:.2f} ({found.lower:.2f}, {found.upper:.2f})"
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
        return _settled_verdict(self.rule)


def _settled_verdict(rule: UntilSettled) -> str:
    found = rule.result()
    what = "all neighbours" if found.top is None else f"the top {found.top}"
    if not found.settled:
        between = f", most of all {' and '.join(found.closest)}" if found.closest else ""
        return f"unsettled: {what}{between}"
    order = list(found.order[: found.top])
    shown = (", " if found.top else " > ").join(order[:_SHOWN]) + " ..." * (len(order) > _SHOWN)
    return f"settled: {what}: {shown}"
