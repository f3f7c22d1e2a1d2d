"""A run as it is stored: begun, read back, summed up."""

from __future__ import annotations

import itertools
import json
import shlex
import sys
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalengine import agent_faults, boards, evidence, forfeits, planning, references, rounds, sandboxes, submissions
from evalengine.boards import Boards, RatedGame
from evalengine.entry import (
    Entry,
    chosen_by,
    enter,
    only_failed,
    pairing_of,
    plan_of,
    planned,
    sizes_of,
    stopping_of,
    versions_now,
)
from evalengine.errors import StoreError
from evalengine.launcher import temporary_folder
from evalengine.model import Played, Standing, Termination
from evalengine.planning import ChosenGame
from evalengine.replays import read_match
from evalengine.run_rows import agent_from, agent_row, game_row, run_row, settings_from

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from evalengine.agent_faults import AgentFault
    from evalengine.contracts import Plan
    from evalengine.planning import Settings
    from evalengine.plugins import Plugins
    from evalengine.replays import StoredMatch
    from evalengine.stopping import Stopping
    from evalengine.store import Store, Stored

DEFAULT_DB = Path(".evalengine/arena.db")
COMPLETE = ("done", "stopped")  # states of a run that has nothing left to play
_VOID = Termination.VOID.value  # read once: an enum's `.value` costs 0.2 us each time


class Run:
    """A run, stored: being played, ended, or read back.

    Attributes:
        number, db: which run of which file; entry: what is fixed of it; boards: its ratings;
        workers: how many play; total: matches planned, None when results decide; planned: what `total` was when the
        run began; played: matches stored; concurrency: matches at once in a worker that wait for a network;
        resumed: matches that were there already; faults: by kind; voids;
        state: "running", "done", "stopped" (by itself: complete, too) or "interrupted";
        stopping: what stops it by itself, None when nothing does;
        rerated: why what was stored of ratings is of no use, so that all results were rated anew; "" where it is used;
        unsteady: agents from outside that did not repeat themselves when a match of theirs was played again.
    """

    def __init__(self, store: Store, number: int, entry: Entry, plugs: Plugins) -> None:
        self._store = store
        self.number = number
        self.db = store.path
        self.entry = entry
        self.rated_games = [_rated_game(game, number, entry.plan) for number, game in enumerate(entry.games)]
        names = [agent.name for agent in entry.agents]
        raters = _raters(entry.settings, names, plugs)
        made = boards.make_boards(self.rated_games, entry.settings.rater, raters, entry.settings.anchors)
        self.boards = Boards(store, number, self.rated_games, names, made)
        self.boards.stopping = self.stopping = _stopping(store, number, entry, plugs)
        self.workers = self.concurrency = 0
        self.planned: int | None = None
        self.sizes: Mapping[int, int] | None = None
        self.played = self.resumed = self.voids = 0
        self.faults: Counter[str] = Counter()
        self.seconds = 0.0
        self.state = "running"
        self.rerated = ""
        self.unsteady: list[str] = []

    @property
    def seed(self) -> int:
        """The seed that everything follows from."""
        return self.entry.settings.seed

    @property
    def db_option(self) -> str:
        """What names this database in a command, after a space; nothing where it is the usual one."""
        return db_option(self.db)

    @property
    def kind(self) -> str:
        """What it is: "run", or "branch" or "explore", which continue matches of another, or "live"."""
        return str((self.entry.settings.continues or {}).get("kind", self.entry.settings.kind))

    @property
    def total(self) -> int | None:
        """How many matches are planned, None when results decide."""
        return None if self.sizes is None else sum(self.sizes.values())

    @property
    def decided(self) -> bool:
        """Whether the run has stopped by itself."""
        return self.stopping is not None and self.stopping.decided_no is not None

    @property
    def complete(self) -> bool:
        """Whether nothing is left to play: all matches are there, or the run has stopped by itself."""
        return self.state in COMPLETE

    @property
    def unused(self) -> int:
        """How many matches are stored that ended after the decision, and count nowhere."""
        decided_no = None if self.stopping is None else self.stopping.decided_no
        return 0 if decided_no is None else self.played - decided_no - 1

    @property
    def standings(self) -> list[Standing]:
        """The run's own board, best first."""
        return self.boards.standings(self.boards.boards[0])

    @property
    def glance(self) -> list[Standing]:
        """The run's own board while it is played, as it was a moment ago: cheap to ask for."""
        return self.boards.glance()

    @property
    def matches(self) -> Iterator[dict[str, Any]]:
        """Yield the stored matches that count in match_no order, as mappings: match_no, id, game, agents, scores ..."""
        next_no = 0
        while chunk := self._store.stored(self.number, next_no, 1000):
            for stored in chunk:
                yield self._record(stored)
            next_no = chunk[-1][0] + 1

    def stored_matches(self, game: str | None = None) -> Iterator[StoredMatch]:
        """Return the stored matches that count in match_no order with their turns, read one at a time.

        Args:
            game: a name, to leave out the matches of all other games.

        Raises:
            UnknownNameError: the run has no such game.
        """
        names = [chosen.spec.name for chosen in self.entry.games]
        if game is not None and game not in names:
            raise references.unknown(f"game in run {self.number}:", game, names)  # noqa: EM102, TRY003 - a part of the text
        return self._replays({number for number, name in enumerate(names) if game in (None, name)})

    def _replays(self, games: Collection[int]) -> Iterator[StoredMatch]:
        next_no = 0
        while chunk := self._store.stored(self.number, next_no, 1000):
            for match_no, game_no, *_ in chunk:
                if game_no in games and (found := read_match(self.number, match_no, self.entry, self._store)):
                    yield found
            next_no = chunk[-1][0] + 1

    def _record(self, stored: Stored) -> dict[str, Any]:
        match_no, game_no, termination, agents, scores, places, faulted, _ = stored
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
            "select game_no, count(*) n, count(distinct actions) d from match where id >= ? and id < ? group by 1",
            *self._store.span(self.number),
        )
        played_now = self.played - self.unused
        return {
            "run": self.number,
            "seed": self.seed,
            "state": self.state,
            "matches": played_now,
            "finished": played_now - self.voids,
            "voids": self.voids,
            "faults": dict(sorted(self.faults.items())),
            "games": {self.entry.games[row["game_no"]].ref: row["n"] for row in played},
            "standings": [asdict(line) for line in self.standings],
            "faulted_agents": agent_faults.summed_up(self.agent_faults(), self.matches_by_agent()),
            "boards": {
                board.scope: {"rater": board.rater_name, "standings": [asdict(x) for x in self.boards.standings(board)]}
                for board in self.boards.boards[1:]
            },
            "stopping": None if self.stopping is None else self.stopping.told() | {"unused": self.unused},
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

    def agent_faults(self) -> list[AgentFault]:
        """Return the faults of the stored matches by agent and kind, who has most first."""
        return agent_faults.of_run(self.number, self.entry, self._store)

    def matches_by_agent(self) -> dict[str, int]:
        """Return how many matches of each agent are on the boards, those of all games together."""
        played: Counter[str] = Counter()
        for row in self._store.rows("select agent_no, sum(matches) n from tally where run = ? group by 1", self.number):
            played[self.entry.agents[row["agent_no"]].name] = row["n"]
        return dict(played)

    def played_by_game(self) -> dict[int, int]:
        """Return how many matches are stored, by game_no."""
        return self._store.played_by_game(self.number)

    def recount(self) -> None:
        """Count the faults and voids that are stored and count."""
        self.voids, self.faults = 0, Counter()
        sql = "select kind, count(*) n from fault where match >= ? and match < ? group by kind"
        for row in self._store.rows(sql, *self._store.span(self.number)):
            if row["kind"] == "void":
                self.voids = row["n"]
            else:
                self.faults[row["kind"]] = row["n"]

    def count(self, rows: Iterable[Played]) -> None:
        """Count faults and voids of results."""
        for row in rows:
            if row.termination == _VOID:
                self.voids += 1
            if row.faults:
                self.faults.update(fault[0] for _, _, fault in row.faults)


def db_option(db: Path) -> str:
    """Return what names a database in a command, after a space; nothing where it is the usual one."""
    return "" if db == DEFAULT_DB else f" --db {shlex.quote(str(db))}"


def _rated_game(game: ChosenGame, number: int, plan: Plan) -> RatedGame:
    agents = next((contest.agents for contest in plan.contests if contest.game_no == number), ())
    return RatedGame(ref=game.ref, spec=game.game.spec, sides=game.sides, agents=agents)


def _stopping(store: Store, run: int, entry: Entry, plugs: Plugins) -> Stopping | None:
    # Looked at once: what plugins make of the plan later would not change a stored state.
    known = bool(store.rows("select run from stopping where run = ?", run))
    return stopping_of(entry.settings, entry.games, entry.agents) if known else _new_stopping(entry, plugs)


def _new_stopping(entry: Entry, plugs: Plugins) -> Stopping | None:
    return stopping_of(entry.settings, entry.games, entry.agents, planned(entry, plugs, 0))


def _raters(settings: Settings, agents: Sequence[str], plugs: Plugins) -> Callable[..., Any]:
    """Return what makes a rater from its name and a board's own options, which a person's come before."""
    return lambda name, **own: evidence.make_rater(name, {**own, **settings.rater_options}, agents, plugs)


def begin(settings: Settings, store: Store, plugs: Plugins, command: str) -> Run:
    """Plan a new run, take copies of its agents, and store both.

    Raises:
        UsageError: what was asked for cannot work; NothingToPlayError: nothing is left of it.
    """
    entry, sizes = prepared(settings, store, plugs)
    return begin_entry(entry, sizes, store, plugs, command)


def prepared(settings: Settings, store: Store, plugs: Plugins) -> tuple[Entry, Mapping[int, int] | None]:
    """Return what is fixed of a run, with copies of its agents taken, and its sizes; no run is stored.

    Raises:
        UsageError, NothingToPlayError: as `begin`.
    """
    entry = enter(settings, plugs, store)
    sizes = sizes_of(entry, plugs)
    _check_rater(entry, plugs)
    return _with_copies(entry, store.agents_folder), sizes


def begin_entry(entry: Entry, sizes: Mapping[int, int] | None, store: Store, plugs: Plugins, command: str) -> Run:
    """Store a new run whose agents are copied; `sizes` are its matches by game, None when results decide."""
    run = Run(store, add_entry(entry, sizes, store, command), entry, plugs)
    number = run.number
    run.sizes = sizes
    if run.stopping is not None:
        with store.transaction():
            run.stopping.save(store, number)
    return run


def add_entry(entry: Entry, sizes: Mapping[int, int] | None, store: Store, command: str) -> int:
    """Store a new run as `begin_entry` does, and return its number only."""
    row = run_row(entry, command) | {"matches": None if sizes is None else sum(sizes.values())}
    return store.add_run(row, map(game_row, entry.games), map(agent_row, entry.agents))


def check(settings: Settings, plugs: Plugins) -> None:
    """Refuse what `begin` would refuse, without a database.

    Raises:
        UsageError, NothingToPlayError: as `begin`.
    """
    entry = enter(settings, plugs, None)
    sizes_of(entry, plugs)
    _check_rater(entry, plugs)
    with temporary_folder() as folder:
        _with_copies(entry, folder)


def _with_copies(entry: Entry, folder: Path) -> Entry:
    """Return `entry` with its agents copied below `folder`; those that cannot be are refused, or stood in for."""
    kept = submissions.snapshots(entry.agents, folder, forfeits.stand_in)
    named = len(entry.settings.agents) + len(entry.settings.callables)
    forfeits.check(entry.settings.broken, kept, named)
    new = [agent for agent, was in zip(kept, entry.agents, strict=True) if agent.factory != was.factory]
    notes = (*entry.notes, *(f"{agent.name}: {agent.note}" for agent in new))
    return replace(entry, agents=tuple(kept), notes=notes)


def _check_rater(entry: Entry, plugs: Plugins) -> None:
    games = [_rated_game(game, number, entry.plan) for number, game in enumerate(entry.games)]
    names = [agent.name for agent in entry.agents]
    raters = _raters(entry.settings, names, plugs)
    boards.make_boards(games, entry.settings.rater, raters, entry.settings.anchors)


def preview(settings: Settings, plugs: Plugins, *, ids: bool, store: Store | None = None) -> Iterator[str]:
    """Yield the header's lines on a plan, and with `ids` the id of every match alone; nothing is stored.

    Raises:
        UsageError, NothingToPlayError: as `begin`.
    """
    entry = enter(settings, plugs, store, contain=False)
    sizes_of(entry, plugs)
    _check_rater(entry, plugs)
    if ids:
        yield from (entry.name_of(spec) for spec in planned(entry, plugs, 0) or ())
        return
    yield from entry.notes
    for contest in entry.plan.contests:
        names = ", ".join(entry.agents[agent].name for agent in contest.agents)
        yield f"{contest.ref}: {names}"


def settings_of(store: Store, run: int) -> Settings:
    """Return what a stored run was asked to be."""
    return settings_from(store.run(run)["settings"])


def reopen(store: Store, number: int, plugs: Plugins) -> Run:
    """Return a stored run as it stands.

    Raises:
        StoreError: there is no such run, or it needs games that are not what they were.
    """
    row, entry = store.run(number), entry_of(store, number, plugs)
    low, high = number << 40, (number + 1) << 40
    played = store.rows("select count(*) n from match where id >= ? and id < ?", low, high)[0]["n"]
    run = _rated(store, number, entry, plugs, played)
    run.planned = row["matches"]
    run.played = run.resumed = played
    run.state, run.seconds, run.unsteady = row["state"], row["seconds"], json.loads(row["unsteady"])
    run.recount()
    run.sizes = sizes_of(entry, plugs)
    _rate_rest(run, store, plugs)
    return run


def entry_of(store: Store, number: int, plugs: Plugins) -> Entry:
    """Return what is fixed of a stored run.

    Raises:
        StoreError: as `reopen`.
    """
    row = store.run(number)
    settings = settings_from(row["settings"])
    stored_games = store.rows("select * from game where run = ? order by game_no", number)
    with redirect_stdout(sys.stderr):
        planning.load_local(settings.games, plugs)
        games = [stored_game(stored, plugs) for stored in stored_games]
    rows = store.rows("select spec from agent where run = ? order by agent_no", number)
    agents = [agent_from(json.loads(agent["spec"])) for agent in rows]
    plan = plan_of(settings, games, agents)
    return Entry(
        settings=settings,
        games=tuple(games),
        agents=tuple(agents),
        plan=plan,
        pairing=pairing_of(settings, games, agents, plan, plugs, store),
        sandbox=row["sandbox"],
        notes=(),
        versions=row["versions"],
        only=only_failed(settings, store),
    )


def _rated(store: Store, number: int, entry: Entry, plugs: Plugins, played: int) -> Run:
    """Return a run with the ratings that were stored last; without any where they are of no use."""
    run = Run(store, number, entry, plugs)
    try:
        run.boards.load()
        if run.boards.watermark > played:
            msg = f"the stored ratings are of {run.boards.watermark} matches, and {played} are there"
            raise ValueError(msg)  # noqa: TRY301 - as what `load` raises
    except ValueError as error:
        run = Run(store, number, entry, plugs)  # its raters have seen nothing of what was damaged
        run.boards.look_back()
        run.rerated = str(error)
    if run.stopping is not None:
        try:
            run.stopping.load(store, number, run.boards.watermark)
        except ValueError as error:
            run.rerated = run.rerated or str(error)
            run.boards.stopping = run.stopping = stopping = _new_stopping(entry, plugs)
            if stopping is not None:
                stopping.feed_stored(store, number, run.boards.watermark)
    return run


def _rate_rest(run: Run, store: Store, plugs: Plugins) -> None:
    """Rate what was stored after ratings were saved last; nothing is written."""
    order, next_no = None, run.boards.watermark
    if chosen_by(run.entry) is not None:
        current = rounds.resumed(run, store)
        # Of the rounds before it all that was chosen is stored.
        before = itertools.takewhile(lambda number: number < current.first_no, store.match_nos(run.number))
        planned_now = (spec.match_no for spec in current.specs(run, plugs) or ())
        numbers = itertools.chain(before, planned_now)
        order = itertools.chain(itertools.islice(numbers, next_no, None), itertools.repeat(-1))
        next_no = next(order)
    run.boards.take((), order, next_no)


def check_resumable(run: Run, plugs: Plugins, folder: Path) -> None:
    """Refuse to continue a run whose games, agents or plan-changing plugins are not what they were.

    Raises:
        StoreError: something differs; the text says what.
    """
    was = run.entry.versions
    now = versions_now(plugs)
    if was["modifies"] != now["modifies"]:
        msg = (
            f"run {run.number} was planned with the plugins {was['modifies']} changing its matches, now it would be "
            f"{now['modifies']}: switch them with -p"
        )
        raise StoreError(msg)
    if run.entry.sandbox != sandboxes.NONE:
        sandboxes.choose(run.entry.sandbox, plugs)
    if run.total != run.planned:
        msg = f"run {run.number} was planned with {run.planned} matches, now it has {run.total}: resume as before"
        raise StoreError(msg)
    for agent in run.entry.agents:
        if not submissions.intact(agent, folder):
            msg = f"run {run.number}: the stored copy of agent {agent.name!r} is gone or changed: it cannot be resumed"
            raise StoreError(msg)


def stored_game(row: Mapping[str, Any], plugs: Plugins) -> ChosenGame:
    """Return the game of a stored run from its row.

    Raises:
        StoreError: no plugin lists it, or it has another version now; ConfigError: it has other parameters.
    """
    found = plugs.games().get(row["name"])
    if found is None:
        msg = f"the run needs the game {row['name']!r}, which no installed plugin lists now"
        raise StoreError(msg)
    config = json.loads(row["config"])
    game = references.build_game(found, config)
    # The adapted version, not the listed one: it tells of a file that the configuration names, too.
    if game.spec.version != row["version"]:
        msg = f"the run was played with version {row['version']} of {row['ref']!r}, here it is {game.spec.version}"
        raise StoreError(msg)
    return ChosenGame(
        ref=row["ref"], spec=found, config=config, game=game, seats=sum(map(len, json.loads(row["sides"])))
    )
