"""The public `evalengine.run`."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evalengine import continuing, forfeits, outcomes
from evalengine.errors import StoreError, UsageError
from evalengine.launcher import Launcher
from evalengine.model import AgentSpec, Limits
from evalengine.planning import Settings
from evalengine.plugins import Plugins
from evalengine.seeding import SEED_BITS, fresh_seed
from evalengine.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalengine.outcomes import BranchOutcome
    from evalengine.replays import StoredMatch

from evalengine.playing import play
from evalengine.replays import read_match
from evalengine.runs import DEFAULT_DB, Run, begin, reopen


def run(
    games: str | Sequence[str],
    agents: Sequence[Any] = (),
    n: int | None = None,
    seed: int | None = None,
    *,
    db: str | Path = DEFAULT_DB,
    workers: int | None = None,
    concurrency: int | None = None,
    rounds: int | None = None,
    rater: str | None = None,
    anchors: Mapping[str, float] | None = None,
    opening: str = "",
    sprt: str = "",
    until: str = "",
    limits: Limits | None = None,
    sandbox: str = "auto",
    bind: Sequence[str | Path] = (),
    isolation: Literal["match", "run"] = "match",
    broken: str = "",
) -> Run:
    """Play a run and return it: `standings`, `matches`, `summary()`.

    Args:
        games: an expression ("strategy and not hex"), or a list of games.
        agents: references as on the command line, or functions and classes of the caller (trusted, played in the
            workers' own processes, made anew for each match); fewer than two: the bundled agents play too.
        n: matches in all; rounds: whole rotations of every cell instead; neither: one rotation a cell.
        sprt, until: what ends the run earlier, as on the command line: "elo0=0,elo1=20", "top=3", "separated"; without
            n and rounds it ends after a million matches at the latest.
        anchors: ratings by agent's name, at which it is held.
        seed: 63 bits; None: drawn.
        sandbox: what contains agents from outside: "auto" takes the strongest that works here; "none": nothing does.
        bind: folders that contained agents may read.
        isolation: "match": agents from outside start afresh for each match; "run": their processes are kept, and many
            matches are played at the same time on each.
        broken: agents that cannot be played: "forfeit": they lose each match; "refuse": nothing is played; "": forfeit
            where two others are named.
        workers: processes that play, one a core by default; concurrency: matches at once in each whose agents wait
            for a network, 32 by default.

    Raises:
        UsageError: what was asked for cannot work; NothingToPlayError: nothing is left of it.
    """
    check_numbers(n, rounds, workers, seed, concurrency)
    forfeits.check_wish(broken)
    with Launcher() as launcher:
        plugs = Plugins()
        settings = Settings(
            games=games if isinstance(games, str) else " or ".join(games),
            agents=tuple(agent for agent in agents if isinstance(agent, str)),
            callables=tuple(callable_agent(agent) for agent in agents if not isinstance(agent, str)),
            matches=n,
            rounds=rounds,
            seed=fresh_seed() if seed is None else seed,
            rater=rater,
            anchors=dict(anchors or {}),
            opening=opening,
            sprt=sprt,
            until=until,
            limits=limits or Limits(),
            sandbox=sandbox,
            isolation=isolation,
            bind=tuple(str(Path(folder).absolute()) for folder in bind),
            broken=broken,
        )
        store = Store(Path(db))
        begun = begin(settings, store, plugs, "evalengine.run")
        workers = workers or default_workers()
        return play(begun, store, plugs, workers=workers, concurrency=concurrency, launcher=launcher)


def branch(
    match: str | int,
    turn: int,
    seats: Mapping[int, str] | None = None,
    n: int = 20,
    *,
    luck: Literal["fresh", "same"] | None = None,
    seed: int | None = None,
    db: str | Path = DEFAULT_DB,
    workers: int | None = None,
) -> BranchOutcome:
    """Continue a stored match from a turn, `n` times, and return what came of it by seat; stored as a run of its own.

    Args:
        match: "RUN/NUMBER", or a number in the latest run; turn: the first that is played anew;
        seats: references of agents by the seats that they take over; the others are the parent's;
        luck: chance from there on, drawn anew or the parent's; None: anew, where the game can.

    Raises:
        UsageError: the match has no such turn or seat; AgentError: an agent cannot be used; StoreError: there is no
            such match, or it does not replay.
    """
    check_numbers(n, None, workers, seed)
    with Launcher() as launcher, Store(Path(db), create=False) as store:
        plugs = Plugins()
        parent = _stored(match, store, plugs)
        drawn = fresh_seed() if seed is None else seed
        begun = continuing.begin_branch(parent, turn, seats or {}, n, luck, drawn, store, plugs)
        play(begun, store, plugs, workers=workers or default_workers(), launcher=launcher)
        return outcomes.outcome(begun, parent, store)


def explore(
    run: int | None = None,
    *,
    game: str | None = None,
    agent: str | None = None,
    every: int = 1,
    actions: int | None = None,
    n: int = 1,
    matches: int | None = None,
    seats: Mapping[int, str] | None = None,
    luck: Literal["fresh", "same"] | None = None,
    seed: int | None = None,
    db: str | Path = DEFAULT_DB,
    workers: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Hold each action of a stored run's decisions and play on; return the results as rows, one a continuation.

    All is played and stored when this returns; the rows are read one by one. Their keys: parent, turn, seat, agent,
    action (as JSON), played (it is what was done), sample, score, place, luck, match.

    Args:
        run: whose matches, the latest by default; game: a ref, of this game only; agent: a name, its decisions only;
        every: each so many-th decision of a match; actions: of a decision at most, what was done among them;
        n: continuations of each action; matches: the first so many; the rest as `branch`.

    Raises:
        UsageError: the run is not finished; NothingToPlayError: it has no such decision; others as `branch`.
    """
    check_numbers(n, None, workers, seed)
    for name, value in {"every": every, "actions": actions, "matches": matches}.items():
        if value is not None and value < 1:
            msg = f"{name} must be at least 1, not {value}"
            raise UsageError(msg)
    with Launcher() as launcher, Store(Path(db), create=False) as store:
        plugs = Plugins()
        parent = reopen(store, run or store.latest_run(), plugs)
        wish = continuing.exploration(parent, game, agent, every=every, actions=actions, samples=n, parents=matches)
        drawn = fresh_seed() if seed is None else seed
        begun = continuing.begin_exploration(parent, wish, seats or {}, luck, drawn, store, plugs)
        play(begun, store, plugs, workers=workers or default_workers(), launcher=launcher)
        number = begun.number
    return _explored(Path(db), number)


def _explored(db: Path, run: int) -> Iterator[dict[str, Any]]:
    with Store(db, create=False) as store:
        yield from outcomes.rows(run, store)


def _stored(match: str | int, store: Store, plugs: Plugins) -> StoredMatch:
    """Return the match that `RUN/NUMBER` or a number stands for.

    Raises:
        UsageError: it is no such text; StoreError: there is none.
    """
    run_text, _, number_text = str(match).rpartition("/")
    if not (number_text.isdecimal() and (run_text.isdecimal() or not run_text)):
        msg = f"{match!r} names no match: write 'RUN/NUMBER', or a number for the latest run"
        raise UsageError(msg)
    run = int(run_text) if run_text else store.latest_run()
    found = read_match(run, int(number_text), reopen(store, run, plugs).entry, store)
    if found is None:
        msg = f"run {run} has no stored match {number_text}"
        raise StoreError(msg)
    return found


@contextmanager
def open_run(db: str | Path = DEFAULT_DB, run: int | None = None, *, plugins: Sequence[str] = ()) -> Iterator[Run]:
    """Open a stored run for reading, the latest by default; used in a `with` statement.

    Args:
        plugins: as `-p` takes them.

    Raises:
        StoreError: there is no such database or run, or it needs games that are not what they were.
    """
    with Store(Path(db), create=False) as store:
        yield reopen(store, run or store.latest_run(), Plugins(plugins))


def check_numbers(
    n: int | None, rounds: int | None, workers: int | None, seed: int | None, concurrency: int | None = None
) -> None:
    """Refuse numbers that cannot work.

    Raises:
        UsageError: one of them.
    """
    for name, value in (("-n", n), ("--rounds", rounds), ("--workers", workers), ("--concurrency", concurrency)):
        if value is not None and value < 1:
            msg = f"{name} must be at least 1, not {value}"
            raise UsageError(msg)
    if n is not None and rounds is not None:
        msg = "-n and --rounds exclude each other: give one"
        raise UsageError(msg)
    if seed is not None and not 0 <= seed < 1 << SEED_BITS:
        msg = f"--seed must be from 0 to 2**{SEED_BITS} - 1, not {seed}"
        raise UsageError(msg)


def default_workers() -> int:
    """Return one worker a core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def callable_agent(agent: Any) -> AgentSpec:
    """Return the agent that a function, a class or a spec of the caller stands for.

    Raises:
        UsageError: it is none of these.
    """
    if isinstance(agent, AgentSpec):
        return agent
    if not callable(agent):
        msg = f"{agent!r} is no agent: give a reference, a function act(observation) or a class"
        raise UsageError(msg)
    import dill

    # By value: workers never import the caller's __main__.
    payload = dill.dumps(agent, recurse=True)
    name = getattr(agent, "__name__", type(agent).__name__).replace("<", "").replace(">", "")
    return AgentSpec(name=name, payload=payload)
