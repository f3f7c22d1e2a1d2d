"""Jobs as they are stored: each step is one statement that holds only from the state before it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from evalengine.web.rows import Rows

QUEUED, RUNNING, COMPLETED, FAILED, CANCELLED = STATES = "queued", "running", "completed", "failed", "cancelled"
_ENDED = frozenset({COMPLETED, FAILED, CANCELLED})
_LARGEST = (1 << 63) - 1  # SQLite's
_ERROR_LENGTH = 2_000  # characters of what went wrong


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """Work that the server was asked for: done in a process of its own, kept over restarts."""

    number: int
    kind: str
    owner: int | None  # the number of a key
    request: Mapping[str, Any]
    state: str
    progress: float  # 0 to 1
    kept: Mapping[str, Any]  # what it needs to go on after a restart
    result: Any  # None until it is completed
    error: str | None
    cancel: bool  # somebody asked for its end
    created: float  # seconds since 1970, as the others
    started: float | None
    finished: float | None

    @property
    def ended(self) -> bool:
        """Whether nothing of it changes any more."""
        return self.state in _ENDED

    def record(self) -> dict[str, Any]:
        """Return it as clients see it."""
        names = ("kind", "state", "progress", "request", "result", "error", "created", "started", "finished")
        return {"id": self.number, **{name: getattr(self, name) for name in names}}


class JobRows:
    """The jobs of one database."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, kind: str, request: Mapping[str, Any], owner: int | None) -> int:
        """Store a job that waits for its turn; return its number."""
        sql = "insert into job (kind, owner, request, state, created) values (?, ?, ?, 'queued', ?)"
        return self._rows.change(sql, kind, owner, json.dumps(request), time.time()).lastrowid or 0

    def find(self, number: int) -> Job | None:
        """Return a job, None when there is none."""
        found = self._rows.read("select * from job where id = ?", number) if 0 < number <= _LARGEST else []
        return _job(found[0]) if found else None

    def list(self, owner: int | None, *, before: int = _LARGEST, limit: int = 100) -> Sequence[Job]:
        """Return jobs, the latest first: of one owner, or of all for None; those before number `before`."""
        sql = "select * from job where id < ? and (owner = ? or ? is null) order by id desc limit ?"
        return [_job(row) for row in self._rows.read(sql, min(before, _LARGEST), owner, owner, limit)]

    def counts(self) -> Mapping[str, int]:
        """Return how many jobs there are by state."""
        rows = self._rows.read("select state, count(*) n from job group by state")
        return dict.fromkeys(STATES, 0) | {row["state"]: row["n"] for row in rows}

    def unended(self, owner: int | None) -> int:
        """Return how many jobs of an owner wait or run."""
        sql = "select count(*) n from job where owner is ? and state in ('queued', 'running')"
        return int(self._rows.read(sql, owner)[0]["n"])

    def forget(self, before: float) -> int:
        """Remove jobs that ended before; what they stored elsewhere stays. Return how many."""
        sql = "delete from job where state in ('completed', 'failed', 'cancelled') and finished < ?"
        return self._rows.change(sql, before).rowcount

    def claim(self) -> Job | None:
        """Return the job whose turn it is, now running; None when none waits."""
        sql = """update job set state = 'running', started = coalesce(started, ?) where state = 'queued'
            and id = (select id from job where state = 'queued' order by id limit 1)"""
        waiting = self._rows.read("select min(id) id from job where state = 'queued'")[0]["id"]
        if waiting is None or not self._rows.change(sql, time.time()).rowcount:
            return None
        return self.find(waiting)

    def queue_again(self, number: int | None = None) -> None:
        """Take running jobs, or one of them, back into the queue: their processes are gone, or about to be."""
        sql = "update job set state = 'queued' where state = 'running' and (id = ? or ? is null)"
        self._rows.change(sql, number, number)

    def ask_to_end(self, number: int) -> None:
        """Remember that a job shall end; one that waits has ended by that."""
        self._rows.change("update job set cancel = 1 where id = ? and state in ('queued', 'running')", number)
        sql = "update job set state = 'cancelled', finished = ? where id = ? and state = 'queued'"
        self._rows.change(sql, time.time(), number)

    def progress(self, number: int, fraction: float) -> None:
        """Store how far a job is."""
        self._rows.change("update job set progress = ? where id = ? and state = 'running'", fraction, number)

    def keep(self, number: int, values: Mapping[str, Any]) -> None:
        """Store what a job needs to go on after a restart."""
        self._rows.change("update job set kept = ? where id = ?", json.dumps(values), number)

    def complete(self, number: int, result: Any) -> None:
        """Store what came of a job."""
        sql = """update job set state = 'completed', progress = 1, result = ?, finished = ?
            where id = ? and state in ('queued', 'running')"""
        self._rows.change(sql, json.dumps(result, allow_nan=False), time.time(), number)

    def fail(self, number: int, error: str) -> None:
        """Store why a job came to nothing."""
        sql = "update job set state = 'failed', error = ?, finished = ? where id = ? and state in ('queued', 'running')"
        self._rows.change(sql, error[:_ERROR_LENGTH], time.time(), number)

    def cancelled(self, number: int) -> None:
        """Store that a job ended because somebody wanted it."""
        sql = "update job set state = 'cancelled', finished = ? where id = ? and state = 'running'"
        self._rows.change(sql, time.time(), number)


def _job(row: sqlite3.Row) -> Job:
    values = {name: row[name] for name in row.keys() if name != "id"}  # noqa: SIM118 - a row iterates over its values
    for name in ("request", "kept", "result"):
        values[name] = None if row[name] is None else json.loads(row[name])
    return Job(number=row["id"], **(values | {"cancel": bool(row["cancel"])}))
