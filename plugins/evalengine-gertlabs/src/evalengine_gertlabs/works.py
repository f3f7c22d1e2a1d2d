"""What the jobs of this API are to do: a ticket for each, which nobody can forge, and whose it is.

A job's own request holds nothing but the ticket, so that whoever asks the server for a job of these kinds by hand, with
another's things named in it, finds nothing.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from evalengine import UsageError
from evalengine.web.rows import Rows
from evalengine_gertlabs import replies

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from evalengine import Work
    from evalengine.web.job_rows import Job
    from evalengine_gertlabs.api import Api
    from evalengine_gertlabs.owners import Asker

_JOB = re.compile(r"job_([1-9][0-9]{0,17})")
KIND = "gertlabs-"  # what the kinds of jobs begin with


def name_of(job: int) -> str:
    """Return a job's id as clients know it; an export has the same."""
    return f"job_{job}"


def number_of(name: str) -> int | None:
    """Return the number of a job's id, None when it is none."""
    found = _JOB.fullmatch(name)
    return int(found[1]) if found else None


class Row(NamedTuple):
    """What a job is to do."""

    ticket: str
    kind: str
    owner: str
    params: Mapping[str, Any]
    job: int
    created: float


class Works:
    """The jobs of this API, in the server."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def begin(
        self,
        asker: Asker,
        kind: str,
        params: Mapping[str, Any],
        store: Callable[[sqlite3.Connection, str], None] = lambda _connection, _ticket: None,
    ) -> Job:
        """Store a job and return it.

        Args:
            kind: without what all of them begin with; store: called in the transaction with the ticket, to store what
                belongs to it, or to refuse all of it.

        Raises:
            RefusedError: `store` did; UsageError: the key has too many jobs.
        """
        ticket = secrets.token_hex(16)

        def add(connection: sqlite3.Connection) -> None:
            sql = "insert into gert_work (ticket, kind, owner, params, created) values (?, ?, ?, ?, ?)"
            connection.execute(sql, (ticket, kind, asker.owner, json.dumps(params), time.time()))
            store(connection, ticket)

        await self._api.server.call(self._api.rows.together, add)
        try:
            job = await self._api.server.jobs.add(KIND + kind, {"ticket": ticket}, asker.key)
        except BaseException:
            await self._api.server.call(self._api.rows.together, lambda connection: forget(connection, ticket))
            raise
        await self._api.change("update gert_work set job = ? where ticket = ?", job.number, ticket)
        return job

    async def find(self, asker: Asker, name: str, kind: str | None = None) -> Row:
        """Return what a job of this account is to do.

        Raises:
            RefusedError: 404, it has no such job.
        """
        number = number_of(name)
        sql = "select * from gert_work where job = ?"
        rows = await self._api.read(sql, number) if number is not None else []
        if not rows or not asker.may_see(rows[0]["owner"]) or (kind is not None and rows[0]["kind"] != kind):
            what = f"{kind or 'job'} {name[:80]!r}"
            raise replies.not_found(what)
        return _row(rows[0])


def clear(connection: sqlite3.Connection) -> None:
    """Forget what no job was made for, before a server that was killed could; at a server's start."""
    for (ticket,) in connection.execute("select ticket from gert_work where job is null").fetchall():
        sql = "select id from job where kind like ? and json_extract(request, '$.ticket') = ?"
        found = connection.execute(sql, (f"{KIND}%", ticket)).fetchone()
        if found:
            connection.execute("update gert_work set job = ? where ticket = ?", (found[0], ticket))
        else:
            forget(connection, ticket)


def forget(connection: sqlite3.Connection, ticket: str) -> None:
    """Remove what belongs to a job that was never made."""
    connection.execute("delete from gert_ledger where work = ?", (ticket,))
    connection.execute("delete from gert_evaluation where work = ?", (ticket,))
    connection.execute("delete from gert_submission where work = ?", (ticket,))
    connection.execute("delete from gert_work where ticket = ?", (ticket,))


class Doing:
    """What a job is to do, in the job's own process. Used as a context manager.

    Attributes:
        work: the job's; rows: the database, with the tables of this API; row: what is to be done.

    Raises:
        UsageError: the ticket is none, or another job's.
    """

    def __init__(self, work: Work) -> None:
        self.work = work
        self.rows = Rows(work.db)
        try:
            self.row = self._claimed(str(work.request["ticket"]))
        except BaseException:
            self.rows.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.rows.close()

    def _claimed(self, ticket: str) -> Row:
        sql = "update gert_work set job = ? where ticket = ? and kind = ? and coalesce(job, ?) = ?"
        kind = self.rows.read("select kind from job where id = ?", self.work.number)[0]["kind"].removeprefix(KIND)
        number = self.work.number
        if not self.rows.change(sql, number, ticket, kind, number, number).rowcount:
            msg = "this ticket is none, or another job's: ask for the work by the routes of the API"
            raise UsageError(msg)
        return _row(self.rows.read("select * from gert_work where ticket = ?", ticket)[0])

    def follow(self, name: str, kind: str, params: Mapping[str, Any]) -> int:
        """Store a job that begins when this one has ended, and return its number; once for a name, whatever happens."""
        ticket = f"{self.row.ticket}-{name}"

        def add(connection: sqlite3.Connection) -> int:
            found = connection.execute("select job from gert_work where ticket = ?", (ticket,)).fetchone()
            if found:
                return int(found[0])
            (key,) = connection.execute("select owner from job where id = ?", (self.work.number,)).fetchone()
            sql = "insert into job (kind, owner, request, state, created) values (?, ?, ?, 'queued', ?)"
            values = (KIND + kind, key, json.dumps({"ticket": ticket}), time.time())
            job = connection.execute(sql, values).lastrowid or 0
            sql = "insert into gert_work (ticket, kind, owner, params, job, created) values (?, ?, ?, ?, ?, ?)"
            connection.execute(sql, (ticket, kind, self.row.owner, json.dumps(params), job, time.time()))
            return job

        return int(self.rows.together(add))


def _row(row: Any) -> Row:
    return Row(row["ticket"], row["kind"], row["owner"], json.loads(row["params"]), row["job"], row["created"])
