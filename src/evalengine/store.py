"""The SQLite file: schema, migrations, the one writer of a run, and what readers ask for.

Invariants:
- `match.id` is `run << 40 | match_no`: one key, in the order of rating, and no second index.
- A match is written once, with its seats, faults and logs, in the transaction of its batch; so are the ratings, tallies and the
  watermark that follow from it. What is in the file is therefore always one consistent moment of the run.
- `rating_state.watermark` counts the matches, in match_no order, that ratings and tallies contain.
- `pair_count` counts results as they arrive (whole numbers: order does not matter).
- A run has one writer: it holds an exclusive lock on `FILE-run-N.lock` for as long as it lives.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, IO, Literal, Self

from evalengine.errors import RunLockedError, StorageError, StoreError
from evalengine.model import MatchSpec, Played, Termination

SCHEMA = 1
APPLICATION_ID = 0x6576616C  # "eval", see the pragma
_RUN_SHIFT = 40
_RUN_BITS = 63 - _RUN_SHIFT
_BUSY_S = 30.0
_FULL = ("disk is full", "readonly", "disk i/o error", "unable to open")

_TABLES = """
create table run (
  id integer primary key, state text not null, command text not null, seed integer not null, matches integer,
  settings text not null, versions text not null, sandbox text not null, limits text not null,
  started real not null, ended real, seconds real not null default 0, pid integer, log_bytes integer not null default 0,
  unsteady text not null default '[]'
) strict;
create table game (
  run integer not null, game_no integer not null, ref text not null, name text not null, version text not null,
  config text not null, sides text not null, spec text not null, primary key (run, game_no)
) strict, without rowid;
create table agent (
  run integer not null, agent_no integer not null, name text not null, version text not null, kind text not null,
  pinned integer not null, ref text not null, spec text not null, primary key (run, agent_no)
) strict, without rowid;
create table match (
  id integer primary key, game_no integer not null, rotation integer not null, opening integer not null, seed integer not null,
  key blob, branch text, max_turns integer not null, termination text not null, turns integer not null, actions blob not null, think_us blob not null,
  info blob, started real not null, seconds real not null, worker integer not null
) strict;
create table seat (
  match integer not null, seat integer not null, agent_no integer not null, side integer not null, score real not null,
  place integer not null, fault text, primary key (match, seat)
) strict, without rowid;
create table fault (
  match integer not null, turn integer not null, seat integer, kind text not null, detail text not null, traceback text not null
) strict;
create index fault_match on fault (match);
create table log (match integer not null, seat integer not null, stream text not null, text text not null, primary key (match, seat, stream))
  strict, without rowid;
create table rating_state (
  run integer not null, scope text not null, rater text not null, options text not null, watermark integer not null,
  state blob not null, primary key (run, scope)
) strict, without rowid;
create table rating (
  run integer not null, scope text not null, agent_no integer not null, rating real not null, sigma real not null,
  primary key (run, scope, agent_no)
) strict, without rowid;
create table rating_history (
  run integer not null, scope text not null, agent_no integer not null, matches integer not null, rating real not null,
  sigma real not null, primary key (run, scope, agent_no, matches)
) strict, without rowid;
create table tally (
  run integer not null, game_no integer not null, agent_no integer not null, matches integer not null, wins integer not null,
  draws integer not null, losses integer not null, score real not null, faults integer not null, primary key (run, game_no, agent_no)
) strict, without rowid;
create table pair_count (
  run integer not null, game_no integer not null, first integer not null, second integer not null,
  wins integer not null, draws integer not null, losses integer not null, primary key (run, game_no, first, second)
) strict, without rowid;
create view v_matches as
  select m.id >> 40 as run, m.id & 1099511627775 as match_no, g.ref as game,
    (select group_concat(name, '-vs-') from (select a.name from seat s join agent a on a.run = m.id >> 40 and a.agent_no = s.agent_no
      where s.match = m.id order by s.seat)) as agents,
    m.rotation, m.opening, m.seed, m.branch, m.termination, m.turns, m.started, m.seconds, m.worker
  from match m join game g on g.run = m.id >> 40 and g.game_no = m.game_no;
create view v_seats as
  select s.match >> 40 as run, s.match & 1099511627775 as match_no, s.seat, a.name as agent, s.side, s.score, s.place, s.fault
  from seat s join agent a on a.run = s.match >> 40 and a.agent_no = s.agent_no;
create view v_ratings as
  select r.run, r.scope, a.name as agent, s.rater, r.rating, r.sigma from rating r
  join agent a on a.run = r.run and a.agent_no = r.agent_no join rating_state s on s.run = r.run and s.scope = r.scope;
create view v_standings as
  select t.run, a.name as agent, sum(t.matches) as matches, sum(t.wins) as wins, sum(t.draws) as draws, sum(t.losses) as losses,
    sum(t.faults) as faults, r.rating, r.sigma
  from tally t join agent a on a.run = t.run and a.agent_no = t.agent_no
  left join rating r on r.run = t.run and r.scope = '' and r.agent_no = t.agent_no group by t.run, t.agent_no;
create view v_pairs as
  select p.run, g.ref as game, a.name as first, b.name as second, p.wins, p.draws, p.losses from pair_count p
  join game g on g.run = p.run and g.game_no = p.game_no join agent a on a.run = p.run and a.agent_no = p.first
  join agent b on b.run = p.run and b.agent_no = p.second;
create view v_faults as
  select f.match >> 40 as run, f.match & 1099511627775 as match_no, f.turn, f.seat, a.name as agent, f.kind, f.detail, f.traceback
  from fault f left join seat s on s.match = f.match and s.seat = f.seat
  left join agent a on a.run = f.match >> 40 and a.agent_no = s.agent_no;
"""

# Not executescript, which would commit the migration's transaction first.
_MIGRATIONS = {"0001_first": [sql for sql in _TABLES.split(";\n") if sql.strip()]}

_VOID = Termination.VOID.value  # read once: an enum's `.value` costs 0.2 us each time
_MATCH = f"insert into match values ({', '.join('?' * 16)})"
_SEAT = "insert into seat values (?, ?, ?, ?, ?, ?, ?)"
_FAULT = "insert into fault values (?, ?, ?, ?, ?, ?)"
_LOG = "insert into log values (?, ?, ?, ?)"
_PAIR = """insert into pair_count values (?, ?, ?, ?, ?, ?, ?) on conflict do update set
  wins = wins + excluded.wins, draws = draws + excluded.draws, losses = losses + excluded.losses"""


Stored = tuple[int, int, str, tuple[int, ...], tuple[float, ...], tuple[int, ...], Sequence[int]]
"""One finished match as ratings need it: match_no, game_no, termination, by seat agents, scores and places, agents with a fault."""


def match_id(run: int, match_no: int) -> int:
    """Return the key of a match."""
    return run << _RUN_SHIFT | match_no


class Store:
    """The file, opened. Used as a context manager.

    Raises:
        StoreError: the file is foreign or newer, nothing is changed then; StorageError: it cannot be written.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.path = path
        self._db = _connect(path, create=create)
        self.agents_folder = path.with_name(path.stem + ".agents")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what is not committed is dropped."""
        self._db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the body writes, or nothing of it.

        Raises:
            StorageError: the disk is full or the folder is read-only.
        """
        with _told(self.path):
            self._db.execute("begin immediate")
            try:
                yield
                self._db.execute("commit")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # a full disk may have rolled back already
                    self._db.execute("rollback")
                raise

    # ------------------------------------------------------------------------------ runs

    def add_run(
        self, values: Mapping[str, Any], games: Iterable[Mapping[str, Any]], agents: Iterable[Mapping[str, Any]]
    ) -> int:
        """Add a run with its games and agents, each in the order of its numbers; return the run's number.

        Mappings and sequences among the values become JSON.
        """
        with self.transaction():
            run = self._insert("run", values)
            for game_no, game in enumerate(games):
                self._insert("game", {"run": run, "game_no": game_no, **game})
            for agent_no, agent in enumerate(agents):
                self._insert("agent", {"run": run, "agent_no": agent_no, **agent})
        return run

    def _insert(self, table: str, values: Mapping[str, Any]) -> int:
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        cursor = self._db.execute(
            f"insert into {table} ({names}) values ({marks})",  # noqa: S608 - our own names
            [_plain(value) for value in values.values()],
        )
        return cursor.lastrowid or 0

    def set_run(self, run: int, **values: Any) -> None:
        """Change columns of a run, within a transaction of the caller's or alone.

        Raises:
            StorageError: the disk is full or the folder is read-only.
        """
        assignments = ", ".join(f"{name} = ?" for name in values)
        with _told(self.path):
            self._db.execute(f"update run set {assignments} where id = ?", [*map(_plain, values.values()), run])

    def latest_run(self) -> int:
        """Return the number of the latest run.

        Raises:
            StoreError: there is none.
        """
        (run,) = self._db.execute("select max(id) from run").fetchone()
        if run is None:
            msg = f"{self.path} holds no run yet: evalengine run AGENT ... --games EXPR -n N"
            raise StoreError(msg)
        return int(run)

    def run(self, run: int) -> dict[str, Any]:
        """Return the row of a run, JSON decoded.

        Raises:
            StoreError: there is no such run.
        """
        rows = self.rows("select * from run where id = ?", run) if run < 1 << _RUN_BITS else []
        if not rows:
            msg = f"{self.path} has no run {run}; the latest is {self.latest_run()}"
            raise StoreError(msg)
        row = rows[0]
        return {**row, **{name: json.loads(row[name]) for name in ("settings", "versions", "limits")}}

    def rows(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """Return the rows of a query as mappings."""
        cursor = self._db.execute(sql, parameters)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def iterate(self, sql: str, *parameters: Any) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query one by one."""
        yield from self._db.execute(sql, parameters)

    # --------------------------------------------------------------------------- the writer

    def lock(self, run: int) -> IO[str]:
        """Return the held lock of a run; closing it gives it back.

        Raises:
            RunLockedError: another process writes this run; StorageError: the lock's file cannot be written.
        """
        path = self.path.with_name(f"{self.path.name}-run-{run}.lock")
        holder = ""
        with _told(self.path):
            try:
                handle = _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                with contextlib.suppress(FileNotFoundError):
                    holder = path.read_text()
                msg = f"run {run} is being written by {holder or 'another process'}: wait, or stop it"
                raise RunLockedError(msg) from None
            try:
                handle.truncate(0)
                handle.write(f"pid {os.getpid()} since {time.strftime('%H:%M')}")
                handle.flush()
            except OSError:
                _unlock(handle)
                raise
        return handle

    def unlock(self, handle: IO[str]) -> None:
        """Give back a run's lock and remove its file."""
        _unlock(handle)

    def write(
        self,
        run: int,
        specs: Sequence[MatchSpec],
        rows: Sequence[Played],
        sides_of: Sequence[Sequence[int]],
        keys: Sequence[bytes | None],
        worker: int,
    ) -> None:
        """Write results; within a transaction.

        Args:
            sides_of: by game, the side of each seat;
            keys: by match, what its result can be reused by; None when it cannot.
        """
        base = run << _RUN_SHIFT
        matches, seats = [], []
        for spec, row, key in zip(specs, rows, keys, strict=True):
            number = base | row.match_no
            branch = json.dumps(spec.branch) if spec.branch is not None else None
            matches.append(
                (number, spec.game_no, spec.rotation, spec.opening, spec.seed, key, branch, spec.max_turns,
                 row.termination, row.turns, row.actions, row.think_us, row.infos, row.started, row.seconds, worker)
            )  # fmt: skip
            faults = {seat: fault[0] for _, seat, fault in reversed(row.faults)} if row.faults else None
            sides = sides_of[spec.game_no]
            seat = 0
            for agent, score, place in zip(spec.agents, row.scores, row.places, strict=True):
                seats.append((number, seat, agent, sides[seat], score, place, faults.get(seat) if faults else None))
                seat += 1
        self._db.executemany(_MATCH, matches)
        self._db.executemany(_SEAT, seats)
        self._write_faults(base, rows)

    def _write_faults(self, base: int, rows: Sequence[Played]) -> None:
        faults: list[tuple[Any, ...]] = []
        for row in rows:
            if row.faults:
                faults += ((base | row.match_no, turn, seat, *fault) for turn, seat, fault in row.faults)
            if row.termination == _VOID:
                detail, _, told = row.error.partition("\n")
                faults.append((base | row.match_no, row.turns, None, "void", detail, told))
        if faults:
            self._db.executemany(_FAULT, faults)

    def write_logs(self, run: int, logs: Iterable[tuple[int, int, str, str]]) -> None:
        """Write logs as (match_no, seat, stream, text); within a transaction."""
        self._db.executemany(_LOG, [(match_id(run, match_no), *rest) for match_no, *rest in logs])

    def add_pairs(self, rows: Iterable[tuple[int, ...]]) -> None:
        """Add (run, game_no, first, second, wins, draws, losses) to the counts; within a transaction."""
        self._db.executemany(_PAIR, rows)

    def replace(self, table: str, rows: Iterable[Sequence[Any]], width: int) -> None:
        """Insert or replace whole rows of a rating or tally table; within a transaction."""
        self._db.executemany(f"insert or replace into {table} values ({', '.join('?' * width)})", rows)

    # ---------------------------------------------------------------------------- for resume

    def match_nos(self, run: int) -> Iterator[int]:
        """Yield the numbers of all stored matches of a run, ascending."""
        low, high = run << _RUN_SHIFT, (run + 1) << _RUN_SHIFT
        cursor = self._db.execute("select id from match where id >= ? and id < ? order by id", (low, high))
        mask = (1 << _RUN_SHIFT) - 1
        for (number,) in cursor:
            yield number & mask

    def last_match_no(self, run: int) -> int:
        """Return the highest number of a run's stored matches, -1 when there is none."""
        low, high = run << _RUN_SHIFT, (run + 1) << _RUN_SHIFT
        (last,) = self._db.execute("select max(id) from match where id >= ? and id < ?", (low, high)).fetchone()
        return -1 if last is None else int(last) - low

    def stored(self, run: int, from_no: int, limit: int) -> list[Stored]:
        """Return up to `limit` stored matches from `from_no` on, in match_no order."""
        low, high = match_id(run, from_no), (run + 1) << _RUN_SHIFT
        matches = self._db.execute(
            "select id, game_no, termination from match where id >= ? and id < ? order by id limit ?",
            (low, high, limit),
        ).fetchall()
        if not matches:
            return []
        seats: dict[int, list[Sequence[Any]]] = {}
        for number, *rest in self._db.execute(
            "select match, agent_no, score, place, fault from seat where match between ? and ? order by match, seat",
            (low, matches[-1][0]),
        ):
            seats.setdefault(number, []).append(rest)
        return [_stored(number, game, ending, seats[number]) for number, game, ending in matches]

    # ---------------------------------------------------------------------------- for people

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Show the body one moment of the file, also while a run is being written."""
        self._db.execute("begin")
        try:
            yield
        finally:
            self._db.execute("commit")

    def match(self, run: int, match_no: int) -> dict[str, Any] | None:
        """Return the row of a match, None when it is not stored."""
        if match_no >= 1 << _RUN_SHIFT:
            return None
        rows = self.rows("select * from match where id = ?", match_id(run, match_no))
        return rows[0] if rows else None

    def seats(self, run: int, match_no: int) -> list[dict[str, Any]]:
        """Return the rows of a match's seats, in order."""
        return self.rows("select * from seat where match = ? order by seat", match_id(run, match_no))

    def logs(self, run: int, match_no: int) -> list[dict[str, Any]]:
        """Return (seat, stream, text) of a match."""
        sql = "select seat, stream, text from log where match = ? order by seat, stream"
        return self.rows(sql, match_id(run, match_no))

    def faults(self, run: int, match_no: int) -> list[dict[str, Any]]:
        """Return (turn, seat, kind, detail, traceback) of a match."""
        sql = "select turn, seat, kind, detail, traceback from fault where match = ? order by turn, seat"
        return self.rows(sql, match_id(run, match_no))

    def first_faults(self, run: int, kinds: Sequence[str], limit: int) -> list[dict[str, Any]]:
        """Return match_no and fault of the first faults and voids of these kinds in a run."""
        return self.rows(
            f"select match - ? as match_no, turn, seat, kind, detail, traceback from fault "  # noqa: S608 - marks only
            f"where match >= ? and match < ? and kind in ({', '.join('?' * len(kinds))}) order by match, turn limit ?",
            match_id(run, 0),
            match_id(run, 0),
            match_id(run + 1, 0),
            *kinds,
            limit,
        )

    def longest(self, run: int, by: Literal["seconds", "turns"], limit: int) -> list[tuple[int, float]]:
        """Return (match_no, seconds or turns) of the longest matches of a run, longest first."""
        low, high = match_id(run, 0), match_id(run + 1, 0)
        sql = f"select id - ?, {by} from match where id >= ? and id < ? order by {by} desc, id limit ?"  # noqa: S608 - one of two words
        return self._db.execute(sql, (low, low, high, limit)).fetchall()

    def faulted(self, run: int) -> int:
        """Return how many matches of a run have a fault, voids not among them."""
        sql = "select count(distinct match) from fault where match >= ? and match < ? and kind <> 'void'"
        return int(self._db.execute(sql, (match_id(run, 0), match_id(run + 1, 0))).fetchone()[0])

    def played_by_game(self, run: int) -> dict[int, int]:
        """Return how many matches of a run are stored, by game_no."""
        sql = "select game_no, count(*) from match where id >= ? and id < ? group by game_no"
        return dict(self._db.execute(sql, (match_id(run, 0), match_id(run + 1, 0))).fetchall())


def _stored(number: int, game_no: int, termination: str, seats: Sequence[Sequence[Any]]) -> Stored:
    agents, scores, places, faults = zip(*seats, strict=True)
    faulted = [agent for agent, fault in zip(agents, faults, strict=True) if fault is not None]
    return number & ((1 << _RUN_SHIFT) - 1), game_no, termination, agents, scores, places, faulted


# ------------------------------------------------------------------------------------- opening


def _locked(path: Path, how: int) -> IO[str]:
    """Return the file at `path`, made if need be, with a lock that ends with it."""
    while True:
        handle = path.open("a+")
        try:
            fcntl.flock(handle, how)
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_ino == os.fstat(handle.fileno()).st_ino:
                    return handle
        except BaseException:
            handle.close()
            raise
        handle.close()  # its holder removed it between our two steps: that lock is nobody's


def _unlock(handle: IO[str]) -> None:
    with contextlib.suppress(OSError):
        Path(handle.name).unlink()
    with contextlib.suppress(OSError):  # a full disk: what it would still write is our name only
        handle.close()


def _connect(path: Path, *, create: bool) -> sqlite3.Connection:
    if not path.exists():
        if not create:
            msg = f"there is no database {str(path)!r} yet: evalengine run writes one, or name another with --db"
            raise StoreError(msg)
        _make_folder(path.parent)
    try:
        # One thread at a time uses it, but not always the one that made it: a run in a thread, read back outside.
        db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            _prepare(db, path)
        except BaseException:
            db.close()
            raise
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise _stop(path, error) from error
        msg = f"{path} is not an evalengine database ({error}): name another with --db. Nothing was changed"
        raise StoreError(msg) from error
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    (tables,) = db.execute("select count(*) from sqlite_master").fetchone()
    (application,) = db.execute("pragma application_id").fetchone()
    (version,) = db.execute("pragma user_version").fetchone()
    if application != APPLICATION_ID and (tables or application or version):
        msg = f"{path} is a database of something else: name another with --db. Nothing was changed"
        raise StoreError(msg)
    if version > SCHEMA:
        msg = (
            f"{path} was written by a newer evalengine (schema {version}, this reads {SCHEMA}): "
            "upgrade, or --db new.db. Nothing was changed"
        )
        raise StoreError(msg)
    db.execute("pragma synchronous = normal")
    db.execute("pragma cache_size = -16384")
    if version < SCHEMA:
        lock = _locked(path.with_name(f"{path.name}-schema.lock"), fcntl.LOCK_EX)
        try:
            if db.execute("pragma user_version").fetchone()[0] < SCHEMA:  # else another process was faster
                db.execute("pragma journal_mode = wal")
                _migrate(db)
        finally:
            _unlock(lock)


def _migrate(db: sqlite3.Connection) -> None:
    # Imported only to make or change a schema: it costs 100 ms.
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations

    migrations = Migrations("evalengine")
    for name, statements in _MIGRATIONS.items():
        migrations(name=name)(lambda database, statements=statements: _execute(database, statements))
    db.execute(f"pragma application_id = {APPLICATION_ID}")
    migrations.apply(Database(db, execute_plugins=False))
    db.execute(f"pragma user_version = {SCHEMA}")


def _execute(database: Any, statements: Iterable[str]) -> None:
    for statement in statements:
        database.execute(statement)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.name == ".evalengine" and not (folder / ".gitignore").exists():
            (folder / ".gitignore").write_text("*\n")
    except OSError as error:
        msg = f"cannot make the folder {str(folder)!r}: {error.strerror}. Name another database with --db"
        raise StoreError(msg) from error


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn errors of the file system and of SQLite's into ours."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        raise _stop(path, error) from error


def _stop(path: Path, error: Exception) -> Exception:
    """Return the error of ours that an error of the file system or of SQLite's means."""
    text = str(error)
    if isinstance(error, OSError) or any(part in text.lower() for part in _FULL):
        return StorageError(f"{path} cannot be written: {text}. What was stored is intact")
    if "locked" in text or "busy" in text:
        return StorageError(f"{path} was busy for {_BUSY_S:.0f} s: another process holds it. What was stored is intact")
    return StoreError(f"{path}: {text}")


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list | tuple) else value
