"""What is stored of runs: the one writer of a run, and what readers ask for.

Invariants:
- `match.id` is `run << 40 | match_no`: one key, in the order of rating, and no second index.
- A match is written once, with its seats, faults and logs, in the transaction of its batch.
- Tallies, ratings, their history and the raters' states are written together, every few seconds and at the end. They
  contain the matches, in match_no order, that `rating_state.watermark` counts; who reads a run rates those that follow.
- `pair_count` counts results as they arrive (whole numbers: order does not matter).
- Matches behind `run.decided_at` are stored and count nowhere: `span` leaves them out.
- A run has one writer: it holds an exclusive lock on `FILE-run-N.lock` for as long as it lives.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, Literal, Self

from evalengine import database
from evalengine.errors import RunLockedError, StoreError
from evalengine.model import MatchSpec, Played, Termination

if TYPE_CHECKING:
    from pathlib import Path

_RUN_SHIFT = 40
_RUN_BITS = 63 - _RUN_SHIFT
_VOID = Termination.VOID.value  # read once: an enum's `.value` costs 0.2 us each time
# Most matches have neither branch nor info. To bind None or bytes costs 0.3 to 0.5 us each, since sqlite3 looks for an
# adapter of theirs; a bytearray and a null in the statement cost nothing of the kind.
_MATCH = "insert into match values (?, ?, ?, ?, ?, ?, null, ?, ?, ?, ?, ?, ?, null, ?, ?, ?)"
_UNUSUAL = f"insert into match values ({', '.join('?' * 17)})"  # noqa: S608 - marks only
_FAULT = "insert into fault values (?, ?, ?, ?, ?, ?)"
_LOG = "insert into log values (?, ?, ?, ?)"
_PAIR = """insert into pair_count values (?, ?, ?, ?, ?, ?, ?) on conflict do update set
  wins = wins + excluded.wins, draws = draws + excluded.draws, losses = losses + excluded.losses"""


Stored = tuple[int, int, str, tuple[int, ...], tuple[float, ...], tuple[int, ...], Sequence[int], int]
"""One finished match as ratings need it: match_no, game_no, termination, by seat agents, scores and places; then the
agents with a fault, and the rotation."""


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
        self._db = database.connect(path, create=create)
        self.agents_folder = path.with_name(path.stem + ".agents")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def folder_of(self, run: int) -> Path:
        """Return the folder that trusted agents of a run may share; it is theirs to make."""
        return self.path.absolute().with_name(self.path.stem + ".runs") / str(run)

    def close(self) -> None:
        """Close the file; what is not committed is dropped."""
        self._db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the body writes, or nothing of it.

        Raises:
            StorageError: the disk is full or the folder is read-only.
        """
        with database.told(self.path):
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
        with database.told(self.path):
            self._db.execute(
                f"update run set {assignments} where id = ?",  # noqa: S608 - our own names
                [*map(_plain, values.values()), run],
            )

    def latest_run(self, kind: str = "run") -> int:
        """Return the number of the latest run of a kind: "run", or "branch" or "explore", which continue others.

        Raises:
            StoreError: there is none.
        """
        (run,) = self._db.execute("select max(id) from run where kind = ?", (kind,)).fetchone()
        if run is None:
            how = "evalengine run AGENT ... --games EXPR -n N" if kind == "run" else f"evalengine {kind} --help"
            msg = f"{self.path} holds no {kind} yet: {how}"
            raise StoreError(msg)
        return int(run)

    def run(self, run: int) -> dict[str, Any]:
        """Return the row of a run, JSON decoded.

        Raises:
            StoreError: there is no such run.
        """
        rows = self.rows("select * from run where id = ?", run) if run < 1 << _RUN_BITS else []
        if not rows:
            (latest,) = self._db.execute("select max(id) from run").fetchone()
            msg = f"{self.path} has no run {run}; the latest is {latest}" if latest else f"{self.path} holds no run yet"
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

    def execute(self, sql: str, *parameters: Any) -> None:
        """Change what the tables of live matches hold; within a transaction."""
        self._db.execute(sql, parameters)

    # --------------------------------------------------------------------------- the writer

    def lock(self, run: int) -> IO[str]:
        """Return the held lock of a run; closing it gives it back.

        Raises:
            RunLockedError: another process writes this run; StorageError: the lock's file cannot be written.
        """
        path = self.path.with_name(f"{self.path.name}-run-{run}.lock")
        holder = ""
        with database.told(self.path):
            try:
                handle = database.locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
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
                database.unlock(handle)
                raise
        return handle

    def unlock(self, handle: IO[str]) -> None:
        """Give back a run's lock and remove its file."""
        database.unlock(handle)

    def write(
        self,
        run: int,
        specs: Sequence[MatchSpec],
        rows: Sequence[Played],
        keys: Sequence[bytes | None],
        worker: int,
    ) -> None:
        """Write results; within a transaction.

        Args:
            keys: by match, what its result can be reused by; None when it cannot.
        """
        base = run << _RUN_SHIFT
        matches, unusual = [], []
        for spec, row, key in zip(specs, rows, keys, strict=True):
            match_no, game_no, rotation, seed, agents, opening, max_turns, branch = spec
            _, scores, places, termination, turns, actions, think_us, started, seconds, infos, _, _, _ = row
            known = base | match_no, game_no, rotation, opening, seed, None if key is None else bytearray(key)
            seats = _seats_text(agents, scores, places)
            ended = termination, turns, seats, bytearray(actions), bytearray(think_us)
            if branch is None and infos is None:
                matches.append((*known, max_turns, *ended, started, seconds, worker))
            else:
                # Without its turns, which are the match's own first ones.
                branched = None if branch is None else json.dumps(branch[:-1], default=repr)
                unusual.append((*known, branched, max_turns, *ended, infos, started, seconds, worker))
        self._db.executemany(_MATCH, matches)
        self._db.executemany(_UNUSUAL, unusual)
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

    def take_pairs(self, run: int, rows: Iterable[tuple[int, ...]]) -> None:
        """Take what `add_pairs` added out of the counts of a run; within a transaction."""
        self.add_pairs((*key, -wins, -draws, -losses) for *key, wins, draws, losses in rows)
        self._db.execute("delete from pair_count where run = ? and wins + draws + losses = 0", (run,))

    def replace(self, table: str, rows: Iterable[Sequence[Any]], width: int) -> None:
        """Insert or replace whole rows of a rating or tally table; within a transaction."""
        self._db.executemany(f"insert or replace into {table} values ({', '.join('?' * width)})", rows)  # noqa: S608 - our own names

    def delete(self, table: str, run: int) -> None:
        """Delete a run's rows of a rating table; within a transaction."""
        self._db.execute(f"delete from {table} where run = ?", (run,))  # noqa: S608 - our own names

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

    def span(self, run: int) -> tuple[int, int]:
        """Return the id of a run's first match and the one behind its last that counts."""
        found = self._db.execute("select decided_at from run where id = ?", (run,)).fetchone()
        if found is None or found[0] is None:
            return match_id(run, 0), match_id(run + 1, 0)
        return match_id(run, 0), match_id(run, found[0] + 1)

    def stored(self, run: int, from_no: int, limit: int) -> list[Stored]:
        """Return up to `limit` stored matches that count, from `from_no` on, in match_no order."""
        low, high = match_id(run, from_no), self.span(run)[1]
        matches = self._db.execute(
            "select id, game_no, termination, seats, rotation from match where id >= ? and id < ? order by id limit ?",
            (low, high, limit),
        ).fetchall()
        if not matches:
            return []
        faulted: dict[int, dict[int, None]] = {}  # seats, each once, in the order of their faults
        for number, seat in self._db.execute(
            "select match, seat from fault where match between ? and ? and seat is not null order by match, turn, seat",
            (low, matches[-1][0]),
        ):
            faulted.setdefault(number, {})[seat] = None
        return [
            (*_stored(number, game, ending, seats, faulted.get(number, ())), rotation)
            for number, game, ending, seats, rotation in matches
        ]

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
            *self.span(run),
            *kinds,
            limit,
        )

    def faults_by_agent(self, run: int) -> list[dict[str, Any]]:
        """Return agent_no (None: void), kind, matches, and of the first of them game_no, first_no, turn and detail."""
        # SQLite takes the bare columns from the row that has the minimum.
        sql = """select json_extract(m.seats, '$[' || f.seat || '][0]') as agent_no, f.kind, f.detail, f.turn,
            m.game_no, count(distinct f.match) as matches, min(f.match) - ? as first_no
            from fault f join match m on m.id = f.match where f.match >= ? and f.match < ? group by 1, 2"""
        return self.rows(sql, match_id(run, 0), *self.span(run))

    def longest(self, run: int, by: Literal["seconds", "turns"], limit: int) -> list[tuple[int, float]]:
        """Return (match_no, seconds or turns) of the longest matches of a run, longest first."""
        low, high = self.span(run)
        sql = f"select id - ?, {by} from match where id >= ? and id < ? order by {by} desc, id limit ?"  # noqa: S608 - one of two words
        return self._db.execute(sql, (low, low, high, limit)).fetchall()

    def faulted(self, run: int) -> int:
        """Return how many matches of a run have a fault, voids not among them."""
        sql = "select count(distinct match) from fault where match >= ? and match < ? and kind <> 'void'"
        return int(self._db.execute(sql, self.span(run)).fetchone()[0])

    def played_by_game(self, run: int) -> dict[int, int]:
        """Return how many stored matches of a run count, by game_no."""
        sql = "select game_no, count(*) from match where id >= ? and id < ? group by game_no"
        return dict(self._db.execute(sql, self.span(run)).fetchall())


@functools.lru_cache(maxsize=4096)  # most matches end as some other match of the same agents did
def _seats_text(agents: Sequence[int], scores: Sequence[float], places: Sequence[int]) -> str:
    """Return the column `seats`: JSON of [agent_no, score, place] by seat."""
    # -0.0 as 0.0: they are equal, so which of them is cached would depend on the order of results.
    plain = [(agent, score + 0.0, place) for agent, score, place in zip(agents, scores, places, strict=True)]
    return json.dumps(plain, separators=(",", ":"))


def _stored(
    number: int, game_no: int, termination: str, seats: str, faulted: Iterable[int]
) -> tuple[int, int, str, tuple[int, ...], tuple[float, ...], tuple[int, ...], Sequence[int]]:
    agents, scores, places = zip(*json.loads(seats), strict=True)
    faulty = [agents[seat] for seat in faulted]
    return number & ((1 << _RUN_SHIFT) - 1), game_no, termination, agents, scores, places, faulty


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list | tuple) else value
