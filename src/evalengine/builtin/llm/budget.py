"""What the calls of one agent in one run may cost, over all worker processes: a small SQLite file they share.

A call is let in while what was spent and what calls in flight may cost at most are below the caps; when only the calls
in flight stand in the way, it waits for them. So the caps are overshot by one call at most, however many are made at
once.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BUSY_S = 30.0
_TABLES = (
    "create table if not exists spent (agent text primary key, calls integer, tokens integer, usd real) strict",
    "create table if not exists held (id integer primary key, agent text, tokens integer, usd real, until real) strict",
)


class Caps(NamedTuple):
    """What all calls together may take; None: no limit."""

    calls: int | None
    tokens: int | None
    usd: float | None


class SpentError(Exception):
    """A cap is reached; its text says which."""


class Budget:
    """The calls of one agent in one run.

    Args:
        file: shared by all who play the run; made when first used.
        agent: who spends: agents of the same reference spend together.
    """

    def __init__(self, file: Path, agent: str, caps: Caps) -> None:
        self._file = file
        self._agent = agent
        self._caps = caps
        self._limited = any(cap is not None for cap in caps)

    def hold(self, tokens: int, usd: float, limit_s: float) -> int | None:
        """Count one more call that costs at most so much and ends within `limit_s`.

        Returns:
            The number to settle it by; None: calls in flight must end first.

        Raises:
            SpentError: a cap is reached.
        """
        if not self._limited:
            return 0
        now = time.time()
        with self._opened() as db:
            self._bury(db, now)
            spent = db.execute("select calls, tokens, usd from spent where agent = ?", [self._agent]).fetchone()
            held = db.execute("select count(*), total(tokens), total(usd) from held where agent = ?", [self._agent])
            in_flight, held_tokens, held_usd = held.fetchone()
            calls, spent_tokens, spent_usd = spent
            for name, used, cap in zip(
                ("max_calls", "max_tokens_total", "max_cost_usd"), spent, self._caps, strict=True
            ):
                if cap is not None and used >= cap:
                    msg = f"{name}={cap:g} of this run is spent ({used:g})"
                    raise SpentError(msg)
            _, most_tokens, most_usd = self._caps
            full = (most_tokens is not None and spent_tokens + held_tokens >= most_tokens) or (
                most_usd is not None and spent_usd + held_usd >= most_usd
            )
            if in_flight and full:
                return None
            db.execute("update spent set calls = ? where agent = ?", [calls + 1, self._agent])
            values = [self._agent, tokens, usd, now + limit_s]
            return db.execute("insert into held (agent, tokens, usd, until) values (?, ?, ?, ?)", values).lastrowid

    def settle(self, number: int, tokens: int, usd: float) -> None:
        """Put what a call did cost in the place of what it might."""
        if not self._limited:
            return
        with self._opened() as db:
            if db.execute("delete from held where id = ?", [number]).rowcount:
                self._add(db, self._agent, tokens, usd)

    def _bury(self, db: sqlite3.Connection, now: float) -> None:
        """Take for spent in full what processes held that did not live to settle it."""
        self._add(db, self._agent, 0, 0.0)
        dead = db.execute("delete from held where until < ? returning agent, tokens, usd", [now]).fetchall()
        for agent, tokens, usd in dead:
            self._add(db, agent, tokens, usd)

    @staticmethod
    def _add(db: sqlite3.Connection, agent: str, tokens: int, usd: float) -> None:
        db.execute(
            "insert into spent values (?, 0, ?, ?) on conflict do update set "
            "tokens = tokens + excluded.tokens, usd = usd + excluded.usd",
            [agent, tokens, usd],
        )

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """Yield the file in one exclusive transaction."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(self._file, timeout=_BUSY_S, isolation_level=None)) as db:
            db.execute("begin immediate")
            try:
                for table in _TABLES:
                    db.execute(table)
                yield db
            except BaseException:
                db.execute("rollback")
                raise
            db.execute("commit")
