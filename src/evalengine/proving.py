"""Matches played for a claim about one agent, and what they say of it: behind the pytest fixtures."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from evalengine import planning, playing, runner, runs
from evalengine.errors import UsageError
from evalengine.launcher import Launcher
from evalengine.model import Limits
from evalengine.plugins import Plugins
from evalengine.statistics import betting
from evalengine.statistics.rotations import RotationCounts
from evalengine.statistics.stopping import ScoreStopping
from evalengine.stopping import points_of
from evalengine.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evalengine.model import AgentSpec
    from evalengine.runs import Run

_TWO = 2
_MOST_ALPHA = 0.5
_SHOWN = 5  # faults in `str(results)`


@dataclass(frozen=True, kw_only=True, slots=True)
class FaultNote:
    """The faults of one kind of one agent."""

    agent: str
    kind: str  # crash, timeout, illegal, ...
    matches: int  # with one
    first: str  # the id of the first match with one
    turn: int
    detail: str  # of that one; names file and line where the agent has them


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    """What some matches say of the agent named first; `str()` is what a failing test prints."""

    agent: str
    opponents: tuple[str, ...]
    game: str
    matches: int  # of this agent, voids left out
    wins: int
    draws: int
    losses: int
    score: float  # mean over matches: a win 1, a draw 1/2; the game's own where scores count
    lo: float | None  # bounds of the score; None: they cannot be told, since there is more than one opponent
    hi: float | None
    confidence: float  # of each bound; of the interval where scores count
    shown: Literal["above", "not above"] | None  # of `threshold`, with that confidence; None: undecided, or not asked
    threshold: float | None
    faults: tuple[FaultNote, ...]  # everybody's, the first agent's first
    voids: int  # matches that the game or the engine failed
    seed: int
    db: str
    run: int
    by_score: bool  # the game's own scores count
    example: str  # the id of a match to look at: a fault of the agent, else a loss, else the first

    @property
    def wdl(self) -> str:
        """Wins, draws and losses as "W-D-L"."""
        return f"{self.wins}-{self.draws}-{self.losses}"

    @property
    def own_faults(self) -> int:
        """Matches of the first agent with a fault of its own."""
        return sum(fault.matches for fault in self.faults if fault.agent == self.agent)

    @property
    def show_command(self) -> str:
        """The command that shows the example."""
        return f"evalengine show {shlex.quote(f'{self.run}/{self.example}')} --db {shlex.quote(self.db)}"

    def check_no_fault(self) -> None:
        """Raise an AssertionError when the first agent made a fault."""
        __tracebackhide__ = True
        if self.own_faults:
            msg = f"{self.agent} made a fault in {self.own_faults} of {self.matches} matches\n{self}"
            raise AssertionError(msg)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        whom = f" against {', '.join(self.opponents)}" if self.opponents else ""
        played = f"W-D-L {self.wdl} in {self.matches} matches"
        yield f"{self.agent}{whom} at {self.game}: {played}, {self._scored()}"
        for fault in self.faults[:_SHOWN]:
            yield (
                f"{fault.kind.upper()} of {fault.agent} in {fault.matches} matches, the first in turn {fault.turn} of "
                f"{fault.first}: {' '.join(fault.detail.split())}"
            )
        if self.voids:
            yield f"{self.voids} more are void: the game or the engine failed, which says nothing of an agent"
        yield f"look at it: {self.show_command}"

    def _scored(self) -> str:
        told = _written(self.score, by_score=self.by_score)
        if self.lo is None or self.hi is None:
            return f"score {told}"
        span = f"{_written(self.lo, by_score=self.by_score)} to {_written(self.hi, by_score=self.by_score)}"
        sure = f"{100 * self.confidence:.4g}%"
        bounds = f"{sure} interval" if self.by_score else f"each bound with {sure} confidence"
        return f"score {told} ({span}, {bounds})"


def _written(score: float, *, by_score: bool) -> str:
    return f"{score:.2f}" if by_score else f"{100 * score:.1f}%"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What to play: agents and game as on the command line; functions and classes are agents, too."""

    agents: tuple[Any, ...]
    game: str
    matches: int
    seed: int
    db: Path
    workers: int | None = None
    confidence: float = 0.95
    threshold: float | None = None  # stop as soon as it is shown that the first agent scores more than this, or not
    opening: str = ""
    limits: Limits | None = None
    sandbox: str = "auto"
    isolation: Literal["match", "run"] = "match"
    bind: tuple[str, ...] = ()


def check(wish: Wish) -> None:
    """Refuse numbers and agents that cannot work.

    Raises:
        UsageError: one of them.
    """
    if not 1 - _MOST_ALPHA < wish.confidence < 1:
        msg = f"confidence must be above 0.5 and below 1, not {wish.confidence!r}: 0.95 is usual"
        raise UsageError(msg)
    if type(wish.matches) is not int or wish.matches < 1:
        msg = f"matches must be a whole number from 1, not {wish.matches!r}"
        raise UsageError(msg)
    if not wish.agents:
        msg = "name the agent that the claim is about, and whom it plays against"
        raise UsageError(msg)


def play(wish: Wish) -> Results:
    """Play matches, store them, and return what they say of the first agent.

    Raises:
        UsageError: what was asked for cannot work; KeyboardInterrupt: somebody stopped it, what was played is stored.
    """
    check(wish)
    with Launcher() as launcher, Store(wish.db) as store:
        plugs = Plugins()
        run = runs.begin(_settings(wish, plugs), store, plugs, "pytest")
        playing.play(run, store, plugs, workers=wish.workers or runner.default_workers(), launcher=launcher)
        if not run.complete:
            raise KeyboardInterrupt
        return _results(wish, run, store)


def _settings(wish: Wish, plugs: Plugins) -> planning.Settings:
    games = planning.choose_games(wish.game, plugs)
    if len(games) > 1:
        msg = f"{wish.game!r} are {len(games)} games: a claim is about one, name it"
        raise UsageError(msg)
    challenged = len(games[0].sides) == _TWO and len(wish.agents) > _TWO
    agents, callables = _agents(wish, plugs)
    return planning.Settings(
        games=wish.game,
        agents=agents,
        callables=callables,
        opponents="none",
        pairing="gauntlet" if challenged else "round-robin",  # what the others do among themselves says nothing
        matches=wish.matches,
        seed=wish.seed,
        opening=wish.opening,
        until="" if wish.threshold is None else f"beats,score={wish.threshold!r},alpha={1 - wish.confidence!r}",
        limits=wish.limits or Limits(),
        sandbox=wish.sandbox,
        isolation=wish.isolation,
        bind=wish.bind,
        broken="refuse",  # an agent that cannot be played is a failure with one line, not two hundred lost matches
    )


def _agents(wish: Wish, plugs: Plugins) -> tuple[tuple[str, ...], tuple[AgentSpec, ...]]:
    """Return references, and the agents that are none: in a run they come behind, and the first must stay the first."""
    found = [agent if isinstance(agent, str) else runner.callable_agent(agent) for agent in wish.agents]
    if not isinstance(found[0], str):
        bundled = plugs.agents()
        found = [planning.find_agent(agent, plugs, bundled) if isinstance(agent, str) else agent for agent in found]
    references = tuple(agent for agent in found if isinstance(agent, str))
    return references, tuple(agent for agent in found if not isinstance(agent, str))


def _results(wish: Wish, run: Run, store: Store) -> Results:
    agents = [agent.name for agent in run.entry.agents]
    first = agents[0]
    line = next(line for line in run.standings if line.agent == first)
    by_score = run.boards.boards[0].by_score
    lo, hi = (line.lo, line.hi) if by_score else _interval(wish, run, store)
    rule = None if run.stopping is None else run.stopping.rule
    return Results(
        agent=first,
        opponents=tuple(agent for agent in agents if agent != first),
        game=run.entry.games[0].ref,
        matches=line.matches,
        wins=line.wins,
        draws=line.draws,
        losses=line.losses,
        score=line.score,
        lo=lo,
        hi=hi,
        confidence=0.95 if by_score else wish.confidence,
        shown=rule.result().decision if isinstance(rule, ScoreStopping) else None,
        threshold=wish.threshold,
        faults=_faults(run, first),
        voids=run.voids,
        seed=run.seed,
        db=str(run.db),
        run=run.number,
        by_score=by_score,
        example=_example(run, first),
    )


def _interval(wish: Wish, run: Run, store: Store) -> tuple[float | None, float | None]:
    """Return the bounds of the first agent's score; of two agents only, where all rotations are alike."""
    names, sides = [agent.name for agent in run.entry.agents], run.entry.games[0].sides
    if not len(names) == len(sides) == _TWO:
        return None, None
    counted, (one, other) = RotationCounts(), (seats[0] for seats in sides)
    for match_no, _, termination, agents, _, places, _, rotation in store.stored(run.number, 0, wish.matches):
        pair = names[agents[one]], names[agents[other]]
        counted.feed(match_no, pair, rotation, points_of(termination, places[one], places[other]))
    ((first, _), counts), *_ = [*counted.pairs.items(), ((names[0], ""), [0] * 5)]
    counts = counts if first == names[0] else counts[::-1]
    alpha = 1 - wish.confidence
    return betting.lower_bound(counts, alpha), betting.upper_bound(counts, alpha)


def _faults(run: Run, first: str) -> tuple[FaultNote, ...]:
    found = [
        FaultNote(
            agent=fault.agent,
            kind=fault.kind,
            matches=fault.matches,
            first=fault.first,
            turn=fault.turn,
            detail=fault.detail,
        )
        for fault in run.agent_faults()
        if fault.agent_no is not None
    ]
    return tuple(sorted(found, key=lambda fault: fault.agent != first))


def _example(run: Run, first: str) -> str:
    found = {"fault": "", "lost": "", "any": ""}
    for match in run.matches:
        own = [seat for seat, agent in enumerate(match["agents"]) if agent == first]
        if first in match["faulted"]:
            return str(match["id"])
        if own and match["places"][own[0]] > 1:
            found["lost"] = found["lost"] or match["id"]
        found["any"] = found["any"] or match["id"]
    return found["lost"] or found["any"]


def claim(wish: Wish, again: str) -> Results:
    """Play until it is decided whether the first agent scores more than the threshold; return what shows it.

    Args:
        again: how to play the same matches again, for the message.

    Raises:
        AssertionError: it is not shown; EvalengineError: as `play`.
    """
    __tracebackhide__ = True
    if wish.threshold is None or len(wish.agents) != _TWO:
        msg = "a claim is about one agent against another"
        raise UsageError(msg)
    results = play(wish)
    if results.shown != "above":
        raise AssertionError("\n".join([_denied(wish, results), str(results), f"the same matches again: {again}"]))
    return results


def _denied(wish: Wish, results: Results) -> str:
    assert wish.threshold is not None
    what = f"score more than {wish.threshold:.4g} against" if wish.threshold != 1 / 2 else "beat"
    sure = f"with {100 * wish.confidence:.4g}% confidence"
    against = f"{results.opponents[0]} at {results.game}"
    if results.shown == "not above":
        return f"{results.agent} does not {what} {against}: shown {sure} in {results.matches} matches"
    return f"{results.agent} is not shown to {what} {against} {sure} in {results.matches} matches"
