"""A run: plan -> scheduler -> store -> ratings -> hooks. The only module that sees all."""

from __future__ import annotations

import itertools
import json
import math
import os
import platform
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalengine import boards, planning, plugins, submissions
from evalengine.boards import Boards, RatedGame
from evalengine.errors import NothingToPlayError, StopError, StorageError, StoreError, UsageError
from evalengine.model import AgentSpec, Fault, Limits, MatchResult, MatchSpec, Played, Standing, Termination
from evalengine.planning import ChosenGame, Settings
from evalengine.plugins import Plugins
from evalengine.repeats import Repeats
from evalengine.scheduler import Scheduler
from evalengine.seeding import SEED_BITS, fresh_seed
from evalengine.store import Store, Stored
from evalengine.worker import Orders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from evalengine.contracts import Pairing, Plan

DEFAULT_DB = Path(".evalengine/arena.db")
_LOG_BUDGET = 64 << 20  # bytes of logs a run; half of it for matches without a fault
_MODIFY_CHUNK = 1_000
_MIN_HUNG_S = 60.0
_GRACE_S = 0.5  # over the turn limit, for matches that run when somebody stops the run
_VOID = Termination.VOID.value  # read once: an enum's `.value` costs 0.2 us each time
_SHORT_SEED = 1 << 40  # below, whoever knows an opening finds the seed by trying


class Listener:
    """What hears of a run while it goes on; a command line, a notebook. Does nothing by itself."""

    def started(self, run: Run) -> None:
        """The plan stands and nothing is played yet."""

    def played(self, run: Run, specs: Sequence[MatchSpec], rows: Sequence[Played]) -> None:
        """Results are stored; called often without any, so that a display can move."""

    def note(self, text: str) -> None:
        """Something that a person should know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """Everything that is fixed of a run before its first match."""

    settings: Settings
    games: tuple[ChosenGame, ...]
    agents: tuple[AgentSpec, ...]
    plan: Plan
    pairing: Pairing
    sandbox: str
    notes: tuple[str, ...]  # for the header
    versions: Mapping[str, Any]
    only: frozenset[int] | None = None  # --lf: the matches that it chose

    def name_of(self, spec: MatchSpec) -> str:
        """Return the id of a match."""
        names = [self.agents[agent].name for agent in spec.agents]
        return planning.match_name(self.games[spec.game_no].ref, names, spec.match_no)


class Run:
    """A run, stored: being played, ended, or read back.

    Attributes:
        number, db: which run of which file; entry: what is fixed of it; boards: its ratings;
        workers: how many play; total: matches planned, None when results decide; planned: what `total` was when the
        run began; played: matches stored;
        resumed: matches that were there already; faults: by kind; voids; state: "running", "done" or "interrupted";
        unsteady: agents from outside that did not repeat themselves when a match of theirs was played again.
    """

    def __init__(self, store: Store, number: int, entry: Entry, plugs: Plugins) -> None:
        self._store = store
        self.number = number
        self.db = store.path
        self.entry = entry
        self.rated_games = [_rated_game(game, number, entry.plan) for number, game in enumerate(entry.games)]
        made = boards.make_boards(self.rated_games, entry.settings.rater, lambda name: _make_rater(name, plugs))
        names = [agent.name for agent in entry.agents]
        self.boards = Boards(store, number, self.rated_games, names, made)
        self.workers = 0
        self.planned: int | None = None
        self.sizes: Mapping[int, int] | None = None
        self.played = self.resumed = self.voids = 0
        self.faults: Counter[str] = Counter()
        self.seconds = 0.0
        self.state = "running"
        self.unsteady: list[str] = []

    @property
    def seed(self) -> int:
        """The seed that everything follows from."""
        return self.entry.settings.seed

    @property
    def total(self) -> int | None:
        """How many matches are planned, None when results decide."""
        return None if self.sizes is None else sum(self.sizes.values())

    @property
    def standings(self) -> list[Standing]:
        """The run's own board, best first."""
        return self.boards.standings(self.boards.boards[0])

    @property
    def matches(self) -> Iterator[dict[str, Any]]:
        """Yield the stored matches in match_no order, as mappings: match_no, id, game, agents, scores, places ..."""
        next_no = 0
        while chunk := self._store.stored(self.number, next_no, 1000):
            for stored in chunk:
                yield self._record(stored)
            next_no = chunk[-1][0] + 1

    def _record(self, stored: Stored) -> dict[str, Any]:
        match_no, game_no, termination, agents, scores, places, faulted = stored
        names = [self.entry.agents[agent].name for agent in agents]
        game = self.entry.games[game_no].ref
        return {
            "match_no": match_no,
            "id": planning.match_name(game, names, match_no),
            "game": game,
            "agents": names,
            "scores": list(scores),
            "places": list(places),
            "termination": termination,
            "faulted": [self.entry.agents[agent].name for agent in faulted],
        }

    def summary(self) -> dict[str, Any]:
        """Return the object of `--format json`."""
        played = self._store.rows(
            "select game_no, count(*) n, count(distinct actions) d from match where id >= ? and id < ? group by game_no",
            self.number << 40,
            (self.number + 1) << 40,
        )
        return {
            "run": self.number,
            "seed": self.seed,
            "state": self.state,
            "matches": self.played,
            "finished": self.played - self.voids,
            "voids": self.voids,
            "faults": dict(sorted(self.faults.items())),
            "games": {self.entry.games[row["game_no"]].ref: row["n"] for row in played},
            "standings": [asdict(line) for line in self.standings],
            "boards": {
                board.scope: {"rater": board.rater_name, "standings": [asdict(x) for x in self.boards.standings(board)]}
                for board in self.boards.boards[1:]
            },
            "not_deterministic": self.unsteady,
            "distinct_games": sum(row["d"] for row in played),
            "seconds": round(self.seconds, 3),
            "matches_per_s": round(self.played / self.seconds, 1) if self.seconds else 0.0,
            "db": str(self.db),
        }

    @property
    def faulted(self) -> int:
        """How many matches have a fault; one may have several, for `faults` to count."""
        return self._store.faulted(self.number)

    def played_by_game(self) -> dict[int, int]:
        """Return how many matches are stored, by game_no."""
        return self._store.played_by_game(self.number)

    def count(self, rows: Iterable[Played]) -> None:
        """Count faults and voids of results."""
        for row in rows:
            if row.termination == _VOID:
                self.voids += 1
            if row.faults:
                self.faults.update(fault[0] for _, _, fault in row.faults)


def _rated_game(game: ChosenGame, number: int, plan: Plan) -> RatedGame:
    agents = next((contest.agents for contest in plan.contests if contest.game_no == number), ())
    return RatedGame(ref=game.ref, spec=game.game.spec, sides=game.sides, agents=agents)


def _make_rater(name: str, plugs: Plugins) -> Any:
    spec = plugins.find("rater", name, plugs.listed("raters"), "evalengine plugins")
    return plugins.imported(spec.factory, f"rater {name!r}")()


# --------------------------------------------------------------------------------- beginning


def begin(settings: Settings, store: Store, plugs: Plugins, command: str, sandbox: str) -> Run:
    """Plan a new run, take copies of its agents, and store both.

    Raises:
        UsageError: what was asked for cannot work; NothingToPlayError: nothing is left of it.
    """
    entry = _enter(settings, plugs, sandbox, store)
    sizes = _sizes(entry, plugs)
    _check_rater(entry, plugs)
    kept = tuple(submissions.snapshot(agent, store.agents_folder) for agent in entry.agents)
    entry = replace(entry, agents=kept)
    row = _run_row(entry, command) | {"matches": None if sizes is None else sum(sizes.values())}
    number = store.add_run(row, map(_game_row, entry.games), map(_agent_row, kept))
    run = Run(store, number, entry, plugs)
    run.sizes = sizes
    return run


def check(settings: Settings, plugs: Plugins) -> None:
    """Refuse what `begin` would refuse, without a database.

    Raises:
        UsageError, NothingToPlayError: as `begin`.
    """
    entry = _enter(settings, plugs, "none", None)
    _sizes(entry, plugs)
    _check_rater(entry, plugs)
    with tempfile.TemporaryDirectory(prefix="evalengine-") as folder:
        for agent in entry.agents:
            submissions.snapshot(agent, Path(folder))


def _check_rater(entry: Entry, plugs: Plugins) -> None:
    games = [_rated_game(game, number, entry.plan) for number, game in enumerate(entry.games)]
    boards.make_boards(games, entry.settings.rater, lambda name: _make_rater(name, plugs))


def preview(settings: Settings, plugs: Plugins, *, ids: bool, store: Store | None = None) -> Iterator[str]:
    """Yield the header's lines on a plan, and with `ids` the id of every match alone; nothing is stored.

    Raises:
        UsageError, NothingToPlayError: as `begin`.
    """
    entry = _enter(settings, plugs, "none", store)
    _sizes(entry, plugs)
    _check_rater(entry, plugs)
    if ids:
        yield from (entry.name_of(spec) for spec in planned(entry, plugs, 0) or ())
        return
    yield from entry.notes
    for contest in entry.plan.contests:
        names = ", ".join(entry.agents[agent].name for agent in contest.agents)
        yield f"{contest.ref}: {names}"


def _enter(settings: Settings, plugs: Plugins, sandbox: str, store: Store | None) -> Entry:
    """Return what is fixed of a run, its agents not yet copied."""
    with redirect_stdout(sys.stderr):  # what games print must not mix with results
        games = planning.choose_games(settings.games, plugs)
        agents, opponents = planning.choose_agents(settings, games, plugs)
        plan = planning.make_plan(settings, games, agents)
    pairing = _make_pairing(settings.pairing, plan, plugs)
    return Entry(
        settings=settings,
        games=tuple(games),
        agents=tuple(agents),
        plan=plan,
        pairing=pairing,
        sandbox=sandbox,
        notes=tuple(_notes(settings, agents, opponents, plan, pairing)),
        versions=_versions(plugs),
        only=_only(settings, store),
    )


def _only(settings: Settings, store: Store | None) -> frozenset[int] | None:
    if settings.failed_of is None or store is None:
        return None
    return frozenset(failed_matches(store, settings.failed_of))


def settings_of(store: Store, run: int) -> Settings:
    """Return what a stored run was asked to be."""
    return _settings_from(store.run(run)["settings"])


def reopen(store: Store, number: int, plugs: Plugins) -> Run:
    """Return a stored run as it stands.

    Raises:
        StoreError: there is no such run, or it needs games that are not what they were.
    """
    row = store.run(number)
    settings = _settings_from(row["settings"])
    stored_games = store.rows("select * from game where run = ? order by game_no", number)
    with redirect_stdout(sys.stderr):
        planning.load_local(settings.games, plugs)
        games = [_stored_game(stored, plugs) for stored in stored_games]
    rows = store.rows("select spec from agent where run = ? order by agent_no", number)
    agents = [_agent_from(json.loads(agent["spec"])) for agent in rows]
    plan = planning.make_plan(settings, games, agents)
    entry = Entry(
        settings=settings,
        games=tuple(games),
        agents=tuple(agents),
        plan=plan,
        pairing=_make_pairing(settings.pairing, plan, plugs),
        sandbox=row["sandbox"],
        notes=(),
        versions=row["versions"],
        only=_only(settings, store),
    )
    run = Run(store, number, entry, plugs)
    run.planned = row["matches"]
    run.boards.load()
    run.state, run.seconds, run.unsteady = row["state"], row["seconds"], json.loads(row["unsteady"])
    low, high = number << 40, (number + 1) << 40
    run.played = run.resumed = store.rows("select count(*) n from match where id >= ? and id < ?", low, high)[0]["n"]
    for fault in store.rows(
        "select kind, count(*) n from fault where match >= ? and match < ? group by kind", low, high
    ):
        if fault["kind"] == "void":
            run.voids = fault["n"]
        else:
            run.faults[fault["kind"]] = fault["n"]
    run.sizes = _sizes(entry, plugs)
    return run


def check_resumable(run: Run, plugs: Plugins, folder: Path) -> None:
    """Refuse to continue a run whose games, agents or plan-changing plugins are not what they were.

    Raises:
        StoreError: something differs; the text says what.
    """
    was = run.entry.versions
    now = _versions(plugs)
    if was["modifies"] != now["modifies"]:
        msg = (
            f"run {run.number} was planned with the plugins {was['modifies']} changing its matches, now it would be "
            f"{now['modifies']}: switch them with -p"
        )
        raise StoreError(msg)
    if run.total != run.planned:
        msg = f"run {run.number} was planned with {run.planned} matches, now it has {run.total}: resume as before"
        raise StoreError(msg)
    for agent in run.entry.agents:
        if not submissions.intact(agent, folder):
            msg = f"run {run.number}: the stored copy of agent {agent.name!r} is gone or changed: it cannot be resumed"
            raise StoreError(msg)


def _stored_game(row: Mapping[str, Any], plugs: Plugins) -> ChosenGame:
    found = plugs.games().get(row["name"])
    if found is None:
        msg = f"the run needs the game {row['name']!r}, which no installed plugin lists now"
        raise StoreError(msg)
    if found.version != row["version"]:
        msg = f"the run was played with version {row['version']} of {row['name']!r}, installed is {found.version}"
        raise StoreError(msg)
    config = json.loads(row["config"])
    game = plugins.build_game(found, config)
    return ChosenGame(
        ref=row["ref"], spec=found, config=config, game=game, seats=sum(map(len, json.loads(row["sides"])))
    )


def _make_pairing(name: str, plan: Plan, plugs: Plugins) -> Pairing:
    spec = plugins.find("pairing", name, plugs.listed("pairings"), "evalengine plugins")
    made: Pairing = plugins.imported(spec.factory, f"pairing {name!r}")(plan)
    return made


def _notes(
    settings: Settings, agents: Sequence[AgentSpec], opponents: str, plan: Plan, pairing: Pairing
) -> Iterator[str]:
    opening = planning.opening_line(plan.contests)
    if line := "; ".join(part for part in (opponents, opening) if part):
        yield line
    yield from (f"{agent.name}: {agent.note}" for agent in agents if agent.note)
    yield from pairing.describe()
    if settings.seed < _SHORT_SEED and any(agent.kind != "trusted" for agent in agents):
        yield f"seed {settings.seed} is short: an agent that sees an opening can find it, and with it all luck"


# --------------------------------------------------------------------------------- rows of it


def _run_row(entry: Entry, command: str) -> dict[str, Any]:
    return {
        "state": "running",
        "command": command,
        "seed": entry.settings.seed,
        "settings": _settings_row(entry.settings),
        "versions": dict(entry.versions),
        "sandbox": entry.sandbox,
        "limits": entry.settings.limits._asdict(),
        "started": time.time(),
        "pid": os.getpid(),
    }


def _settings_row(settings: Settings) -> dict[str, Any]:
    row = {name: getattr(settings, name) for name in Settings.__slots__}
    row["limits"] = settings.limits._asdict()
    row["callables"] = len(settings.callables)
    return row


def _settings_from(row: Mapping[str, Any]) -> Settings:
    fields = {**row, "limits": Limits(**row["limits"]), "callables": ()}
    for name in ("agents", "deselect"):
        fields[name] = tuple(fields[name])
    return Settings(**fields)


def _game_row(game: ChosenGame) -> dict[str, Any]:
    return {
        "ref": game.ref,
        "name": game.spec.name,
        "version": game.spec.version,
        "config": dict(game.config),
        "sides": [list(side) for side in game.sides],
        "spec": {"max_turns": game.game.spec.max_turns, "utility": game.game.spec.utility},
    }


def _agent_row(agent: AgentSpec) -> dict[str, Any]:
    fields = {name: getattr(agent, name) for name in AgentSpec.__slots__ if name not in {"doc", "parameters"}}
    fields["payload"] = agent.payload.hex()
    fields["config"] = dict(agent.config)
    return {
        "name": agent.name,
        "version": agent.version,
        "kind": agent.kind,
        "pinned": int(agent.pinned),
        "ref": agent.path or agent.factory,
        "spec": fields,
    }


def _agent_from(row: Mapping[str, Any]) -> AgentSpec:
    fields = {**row, "payload": bytes.fromhex(row["payload"])}
    for name in ("argv", "files"):
        fields[name] = tuple(fields[name])
    return AgentSpec(**fields)


def _versions(plugs: Plugins) -> dict[str, Any]:
    from evalengine import __version__

    changing = {item.plugin_name for item in plugs.hook.evalengine_modify_matches.get_hookimpls()}
    return {
        "evalengine": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "plugins": plugs.names,
        "modifies": {name: version for name, version in plugs.names.items() if name in changing},
    }


# ------------------------------------------------------------------------------------ the plan


def planned(
    entry: Entry, plugs: Plugins, round_no: int, standings: Sequence[Standing] = ()
) -> Iterator[MatchSpec] | None:
    """Return the matches of a round as they will be numbered and played; None after the last round."""
    specs = entry.pairing.round(round_no, standings)
    if specs is None:
        return None
    if plugs.hook.evalengine_modify_matches.get_hookimpls():
        specs = _renumbered(_modified(specs, plugs))
    chosen = _chosen(entry)
    return specs if chosen is None else (spec for spec in specs if chosen(spec))


def _modified(specs: Iterator[MatchSpec], plugs: Plugins) -> Iterator[MatchSpec]:
    """Yield the matches after plugins edited them, in chunks of whole rotations."""
    chunk: list[MatchSpec] = []
    for spec in specs:
        whole = not chunk or (spec.game_no, spec.rotation, sorted(spec.agents)) != (
            chunk[-1].game_no,
            chunk[-1].rotation,
            sorted(chunk[-1].agents),
        )
        if len(chunk) >= _MODIFY_CHUNK and whole:
            plugs.hook.evalengine_modify_matches(matches=chunk)
            yield from chunk
            chunk = []
        chunk.append(spec)
    plugs.hook.evalengine_modify_matches(matches=chunk)
    yield from chunk


def _renumbered(specs: Iterator[MatchSpec]) -> Iterator[MatchSpec]:
    return (spec._replace(match_no=match_no) for match_no, spec in enumerate(specs))


def _chosen(entry: Entry) -> Callable[[MatchSpec], bool] | None:
    """Return what says whether a match is played at all (-k, --deselect, --lf); None when all are."""
    selected = planning.selector(entry.settings.select, entry.settings.deselect)
    only = entry.only
    if selected is None and only is None:
        return None
    return lambda spec: (only is None or spec.match_no in only) and (selected is None or selected(entry.name_of(spec)))


def failed_matches(store: Store, run: int) -> list[int]:
    """Return the numbers of the matches of a run with a fault or void."""
    rows = store.iterate(
        "select distinct match from fault where match >= ? and match < ? order by match", run << 40, (run + 1) << 40
    )
    return [number & ((1 << 40) - 1) for (number,) in rows]


def _sizes(entry: Entry, plugs: Plugins) -> Mapping[int, int] | None:
    """Return matches by game; counted one by one where filters or plugins change the plan.

    Raises:
        NothingToPlayError: there is none.
    """
    sizes = entry.pairing.sizes()
    if _chosen(entry) is not None or plugs.hook.evalengine_modify_matches.get_hookimpls():
        sizes = Counter(spec.game_no for spec in planned(entry, plugs, 0) or ())
    if sizes is not None and not sum(sizes.values()):
        msg = "no match is left after -k, --deselect and --lf"
        raise NothingToPlayError(msg)
    return sizes


# ------------------------------------------------------------------------------------- playing


class _Stop:
    """Whether somebody asked the run to end: once gently, twice at once."""

    def __init__(self) -> None:
        self.asked = self.at_once = False
        self.reason = ""

    def __call__(self, number: int, _frame: object) -> None:
        if self.at_once:
            return  # it ends already; a third one must not break into that
        if self.asked:
            self.at_once = True
            raise KeyboardInterrupt
        self.asked = True
        self.reason = signal.Signals(number).name

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear SIGINT and SIGTERM, where this is the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Player:
    """Plays what is left of a run: the loop from results to store, ratings, hooks."""

    def __init__(self, run: Run, store: Store, plugs: Plugins, listener: Listener, max_failed: int) -> None:
        self._run = run
        self._store = store
        self._plugs = plugs
        self._listener = listener
        self._max_failed = max_failed
        self._failed_before = run.voids + run.faults.total()
        self._sides = [_side_of(game.sides) for game in run.rated_games]
        self._order: Iterator[int] | None = None
        self._next_no = 0
        self._keys = _Keys(run)
        self._log_bytes = int(store.run(run.number)["log_bytes"])
        self._tells_matches = bool(plugs.hook.evalengine_match_done.get_hookimpls())
        self._repeats = Repeats(run.entry.agents)
        self.stop = _Stop()

    def play(self, workers: int) -> None:
        """Play to the end, or until somebody stops it."""
        run = self._run
        scheduler = Scheduler(
            _orders(run, self._store.agents_folder),
            workers,
            hung_s=_hung_s(run.entry.settings.limits),
            worker_lost=self._worker_lost,
        )
        with scheduler:
            self._play_rounds(scheduler)
            if not self.stop.asked:
                self._play_again(scheduler)

    def _play_rounds(self, scheduler: Scheduler) -> None:
        run = self._run
        limit_s = run.entry.settings.limits.turn_s or 2.0
        began, already = time.monotonic(), run.seconds
        for round_no in itertools.count():
            specs = planned(run.entry, self._plugs, round_no, run.standings if round_no else ())
            if specs is None or self.stop.asked:
                return
            self._set_order(round_no)
            self._catch_up()
            for done in scheduler.play(self._left(specs, round_no), self._total_left()):
                run.seconds = already + time.monotonic() - began
                self._take(*done)
                if self.stop.asked and not scheduler.cancelled:
                    scheduler.cancel(limit_s + _GRACE_S)
                    told = f"{self.stop.reason}: nothing new begins; what runs ends within {limit_s + _GRACE_S:g} s"
                    self._listener.note(f"{told}, or at once on the next Ctrl-C")

    def _play_again(self, scheduler: Scheduler) -> None:
        """Play one match of each agent from outside again, to say which do not repeat themselves."""
        run = self._run
        games = [game.game for game in run.entry.games]
        for specs, rows, _ in scheduler.play(self._repeats.specs()):
            with redirect_stdout(sys.stderr):
                self._repeats.compare(specs, rows, games)
            if self.stop.asked:
                return
        run.unsteady = sorted({*run.unsteady, *(run.entry.agents[number].name for number in self._repeats.unsteady)})
        for name in run.unsteady:
            self._listener.note(f"{name} is not deterministic under its seed: another run may end with other standings")
        self._store.set_run(run.number, unsteady=run.unsteady)

    def _total_left(self) -> int | None:
        total = self._run.total
        return None if total is None else total - self._run.played

    def _set_order(self, round_no: int) -> None:
        """Begin the order of rating: the plan's own, from the first match that is not rated."""
        run = self._run
        if _chosen(run.entry) is None:
            self._next_no = run.boards.watermark
            return
        order = (spec.match_no for spec in planned(run.entry, self._plugs, round_no) or ())
        self._order = itertools.chain(itertools.islice(order, run.boards.watermark, None), itertools.repeat(-1))
        self._next_no = next(self._order)

    def _catch_up(self) -> None:
        """Rate what was stored before a kill, but waited for an earlier result."""
        with self._store.transaction():
            self._next_no = self._run.boards.take((), self._order, self._next_no)
            self._run.boards.save()

    def _left(self, specs: Iterator[MatchSpec], round_no: int) -> Iterator[MatchSpec]:
        """Yield what is not stored yet, in the order of dispatch."""
        run = self._run
        left = _without(specs, self._store.match_nos(run.number)) if run.resumed else specs
        first_of = run.entry.settings.first_of
        if first_of is None:
            return left
        first = set(failed_matches(self._store, first_of))
        again = planned(run.entry, self._plugs, round_no) or iter(())
        if run.resumed:
            again = _without(again, self._store.match_nos(run.number))
        return itertools.chain(
            (spec for spec in left if spec.match_no in first), (spec for spec in again if spec.match_no not in first)
        )

    def _take(self, specs: Sequence[MatchSpec], rows: Sequence[Played], worker: int) -> None:
        """Store results with all that follows from them, in one transaction; then tell of them."""
        run = self._run
        if rows:
            results = [_stored_of(spec, row) for spec, row in zip(specs, rows, strict=True)]
            with self._store.transaction():
                keys = [self._keys.of(spec) for spec in specs]
                self._store.write(run.number, specs, rows, self._sides, keys, worker)
                self._write_logs(rows)
                counts = boards.pair_counts(run.rated_games, results)
                self._store.add_pairs((run.number, *key, *count) for key, count in counts.items())
                self._next_no = run.boards.take(results, self._order, self._next_no)
                run.boards.save()
                self._store.set_run(run.number, seconds=run.seconds)
            self._repeats.note(specs, rows)
            run.played += len(rows)
            run.count(rows)
            failed = run.voids + run.faults.total() - self._failed_before
            if self._max_failed and failed >= self._max_failed and not self.stop.asked:
                self.stop.asked, self.stop.reason = True, f"{self._max_failed} faults or voids"
            if self._tells_matches:
                for spec, row in zip(specs, rows, strict=True):
                    self._plugs.hook.evalengine_match_done(spec=spec, result=_result_of(row))
        self._listener.played(run, specs, rows)

    def _write_logs(self, rows: Sequence[Played]) -> None:
        """Keep logs of faults, and of others while half of the budget lasts."""
        kept = []
        for row in rows:
            for seat, stream, text in row.logs:
                budget = _LOG_BUDGET if row.faults else _LOG_BUDGET // 2
                size = len(text.encode())
                if self._log_bytes + size <= budget:
                    self._log_bytes += size
                    kept.append((row.match_no, seat, stream, text))
        if kept:
            self._store.write_logs(self._run.number, kept)
            self._store.set_run(self._run.number, log_bytes=self._log_bytes)

    def _worker_lost(self, worker_no: int, reason: str) -> None:
        self._listener.note(f"worker {worker_no} was lost ({reason}); its matches are played again elsewhere")
        self._plugs.hook.evalengine_worker_lost(worker=worker_no, reason=reason)


class _Keys:
    """What results can be reused by: game, configuration, seed, opening, agents by seat, limits."""

    def __init__(self, run: Run) -> None:
        entry = run.entry
        self._entry = entry
        self._limits = repr(tuple(entry.settings.limits))
        self._known: dict[tuple[int, int, int, tuple[int, ...]], Any] = {}

    def of(self, spec: MatchSpec) -> bytes | None:
        """Return the key of a match; None when one of its agents is not pinned."""
        _, game_no, _, seed, agents, opening, max_turns, _ = spec
        cell = (game_no, opening, max_turns, agents)
        if cell not in self._known:
            if len(self._known) > 10_000:  # noqa: PLR2004 - a bound, so that many cells cost no memory
                self._known.clear()
            self._known[cell] = self._begun(spec)
        begun = self._known[cell]
        if begun is None:
            return None
        whole = begun.copy()
        whole.update(b"%d" % seed)
        key: bytes = whole.digest()
        return key

    def _begun(self, spec: MatchSpec) -> Any:
        game = self._entry.games[spec.game_no]
        agents = [self._entry.agents[agent] for agent in spec.agents]
        if spec.branch is not None or not all(agent.pinned for agent in agents):
            return None
        told = (
            game.ref,
            game.spec.version,
            spec.opening,
            spec.max_turns,
            [agent.version for agent in agents],
            self._limits,
        )
        return blake2b(repr(told).encode(), digest_size=16)


def _hung_s(limits: Limits) -> float:
    """Return the seconds without the end of a turn after which a worker is hung."""
    turn_s = limits.match_s if limits.turn_s is None else limits.turn_s
    if turn_s is None or limits.start_s is None:
        return math.inf  # an agent may think, or start, as long as it likes
    return max(_MIN_HUNG_S, 10 * turn_s, 2 * limits.start_s)


def _result_of(row: Played) -> MatchResult:
    faults = tuple((turn, seat, Fault._make(fault)) for turn, seat, fault in row.faults)
    return MatchResult(row.scores, row.places, row.termination, row.turns, faults)


def _stored_of(spec: MatchSpec, row: Played) -> Stored:
    # A seat that faulted in several turns counts once, as where results are read back.
    faulted = [spec.agents[seat] for seat in {seat: None for _, seat, _ in row.faults}] if row.faults else ()
    return spec.match_no, spec.game_no, row.termination, spec.agents, row.scores, row.places, faulted


def _side_of(sides: Sequence[Sequence[int]]) -> list[int]:
    found = {seat: side for side, seats in enumerate(sides) for seat in seats}
    return [found[seat] for seat in range(len(found))]


def _without(specs: Iterator[MatchSpec], done: Iterator[int]) -> Iterator[MatchSpec]:
    """Yield the matches whose numbers are not in `done`, which ascends."""
    # Read at once, since what is stored meanwhile must not vanish from the plan; a byte a match, not a set of objects.
    stored = bytearray()
    for number in done:
        stored.extend(bytes(number + 1 - len(stored)))
        stored[number] = 1
    return (spec for spec in specs if spec.match_no >= len(stored) or not stored[spec.match_no])


def _orders(run: Run, folder: Path) -> Orders:
    entry = run.entry
    outside = any(agent.kind != "trusted" for agent in entry.agents)
    cores = tuple(sorted(os.sched_getaffinity(0))) if outside and hasattr(os, "sched_getaffinity") else ()
    return Orders(
        games=tuple((game.spec, dict(game.config)) for game in entry.games),
        agents=tuple(submissions.located(agent, folder) for agent in entry.agents),
        limits=entry.settings.limits,
        sys_path=tuple(str(Path(path or ".").absolute()) for path in sys.path),
        cores=cores,
    )


def play(
    run: Run, store: Store, plugs: Plugins, *, workers: int, listener: Listener | None = None, max_failed: int = 0
) -> Run:
    """Play what is left of a run, and return it; afterwards its state is "done" or "interrupted".

    Args:
        max_failed: end as Ctrl-C does after so many faults and voids; 0: never.

    Raises:
        RunLockedError: another process writes it; StorageError: it could not be stored, what was is intact.
    """
    listener = listener or Listener()
    lock = store.lock(run.number)
    try:
        run.workers = workers
        store.set_run(run.number, state="running", pid=os.getpid())
        run.state = "running"
        plugs.hook.evalengine_run_start(run=_told(run))
        player = _Player(run, store, plugs, listener, max_failed)
        with player.stop.listening():
            listener.started(run)
            _play_locked(player, run, store, plugs, listener)
    finally:
        store.unlock(lock)
    return run


def _play_locked(player: _Player, run: Run, store: Store, plugs: Plugins, listener: Listener) -> None:
    run.state = "interrupted"
    try:
        if not _complete(run):
            player.play(run.workers)
        if not player.stop.asked or _complete(run):
            run.state = "done"
    except KeyboardInterrupt:  # the second one
        run.state = "interrupted"
    except StorageError:
        raise
    except StopError as error:  # a result of the run, not of a wrong use: what is stored is told as after Ctrl-C
        listener.note(str(error))
    finally:
        _record_end(run, store)
        plugs.hook.evalengine_run_done(run=run.summary())


def _complete(run: Run) -> bool:
    return run.total is not None and run.played >= run.total


def _record_end(run: Run, store: Store) -> None:
    with suppress(StorageError):  # a full disk: the state stays "running", and --resume works all the same
        store.set_run(run.number, state=run.state, ended=time.time(), seconds=run.seconds)


def _told(run: Run) -> dict[str, Any]:
    return {"run": run.number, "seed": run.seed, "state": run.state, "matches": run.played, "db": str(run.db)}


# ------------------------------------------------------------------------------- public: run()


def run(
    games: str | Sequence[str],
    agents: Sequence[Any] = (),
    n: int | None = None,
    seed: int | None = None,
    *,
    db: str | Path = DEFAULT_DB,
    workers: int | None = None,
    rounds: int | None = None,
    rater: str | None = None,
    opening: str = "",
    limits: Limits | None = None,
) -> Run:
    """Play a run and return it: `standings`, `matches`, `summary()`.

    Args:
        games: an expression ("strategy and not hex"), or a list of games.
        agents: references as on the command line, or functions and classes of the caller (trusted, played in the
            workers' own processes, made anew for each match); fewer than two: the bundled agents play too.
        n: matches in all; rounds: whole rotations of every cell instead; neither: one rotation a cell.
        seed: 63 bits; None: drawn.

    Raises:
        UsageError: what was asked for cannot work; NothingToPlayError: nothing is left of it.
    """
    check_numbers(n, rounds, workers, seed)
    plugs = Plugins()
    settings = Settings(
        games=games if isinstance(games, str) else " or ".join(games),
        agents=tuple(agent for agent in agents if isinstance(agent, str)),
        callables=tuple(_callable_agent(agent) for agent in agents if not isinstance(agent, str)),
        matches=n,
        rounds=rounds,
        seed=fresh_seed() if seed is None else seed,
        rater=rater,
        opening=opening,
        limits=limits or Limits(),
    )
    store = Store(Path(db))
    begun = begin(settings, store, plugs, "evalengine.run", "none")
    return play(begun, store, plugs, workers=workers or default_workers())


def check_numbers(n: int | None, rounds: int | None, workers: int | None, seed: int | None) -> None:
    """Refuse numbers that cannot work.

    Raises:
        UsageError: one of them.
    """
    for name, value in (("-n", n), ("--rounds", rounds), ("--workers", workers)):
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


def _callable_agent(agent: Any) -> AgentSpec:
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
