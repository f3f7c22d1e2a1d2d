"""What is stored of episodes: begun, stepped, ended, told again, forgotten."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from evalengine import wire
from evalengine_gertlabs.rollouts.lives import GONE
from evalengine_gertlabs.rollouts.once import RefusedError, again
from evalengine_gertlabs.rollouts.settings import Asked, Refused, Stepped

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from evalengine_gertlabs.rollouts.lives import Live
    from evalengine_gertlabs.rollouts.plans import Plan
    from evalengine_gertlabs.rollouts.scribe import Statement

LIVE = """select e.no, e.id, e.run, r.id run_id, r.owner, e.began, coalesce(max(s.after), e.began) tick
    from gert_episode e join gert_rollout_run r on r.no = e.run left join gert_episode_step s on s.episode = e.no
    where e.state = 'live' group by e.no"""
PLAN = "select plan, turns from gert_episode e left join gert_snapshot s on s.no = e.snapshot where e.no = ?"
STEPS = "select tick, turns, digest from gert_episode_step where episode = ? order by tick"
DONE = """select e.last, r.owner from gert_episode e join gert_rollout_run r on r.no = e.run
    where e.id = ? and r.id = ? and e.state = 'done'"""
_TICKS = "update gert_rollout_run set ticks_used = ticks_used + ? where no = ?"
_WON = """update gert_rollout_run set win_rate = (1 - alpha) * coalesce(win_rate, 0.5) + alpha * ?
    where no = ? and auto_curriculum"""


def all_inserted(
    db: sqlite3.Connection, run: int, begun: Iterable[tuple[str, Plan, tuple[bytes, int, bytes, bool]]]
) -> list[int]:
    """Store episodes that begin, and return their numbers; what was played before forks is stored once."""
    snapshots: dict[bytes, int | None] = {b"": None}
    numbers = []
    for episode_id, plan, (_, tick, turns, over) in begun:
        if plan.turns not in snapshots:
            made = db.execute("insert into gert_snapshot (turns) values (?)", (plan.turns,))
            snapshots[plan.turns] = made.lastrowid
        numbers.append(_inserted(db, run, (episode_id, plan, tick, turns, over), snapshots[plan.turns]))
    return numbers


def _inserted(db: sqlite3.Connection, run: int, row: tuple[str, Plan, int, bytes, bool], snapshot: int | None) -> int:
    episode_id, plan, tick, turns, over = row
    state, ended = ("done", time.time()) if over else ("live", None)
    sql = "insert into gert_episode (id, run, state, began, plan, snapshot, ended) values (?, ?, ?, ?, ?, ?, ?)"
    number = db.execute(sql, (episode_id, run, state, plan.began, plan.packed(), snapshot, ended)).lastrowid
    assert number is not None
    if turns:
        db.execute("insert into gert_episode_step values (?, ?, ?, ?, null)", (number, plan.began, tick, turns))
    if over:
        db.execute(_TICKS, (tick - plan.began, run))
    return number


def written(live: Live, asked: Asked, done: Stepped) -> list[Statement]:
    """Return what stores a step."""
    step = (live.no, done.before, done.tick, done.turns, asked.digest)
    found: list[Statement] = [("insert into gert_episode_step values (?, ?, ?, ?, ?)", step)]
    if done.done:
        last = wire.pack([done.before, done.tick, asked.digest, done.result])
        found += ended(live, "done", done.tick - live.began, last)
    if done.won is not None:
        found.append((_WON, (done.won, live.run)))
    return found


def ended(live: Live, state: str, ticks: int, last: bytes | None = None) -> list[Statement]:
    """Return what stores an end."""
    sql = "update gert_episode set state = ?, last = ?, ended = ? where no = ?"
    return [(sql, (state, last, time.time(), live.no)), (_TICKS, (ticks, live.run))]


def told_again(row: Mapping[str, Any] | None, asked: Asked) -> Stepped | Refused:
    """Return what a step of an episode that is over gives: its last result, if that is what is asked for."""
    if row is None:
        return GONE
    over = Refused(409, "EPISODE_COMPLETE", f"episode {asked.episode} is over: reset begins another")
    if row["last"] is None or asked.expected is None:
        return over
    before, tick, digest, result = wire.unpack(row["last"])
    if asked.expected == tick:
        return over
    try:
        return again(Stepped(result, tick, before, b"", done=True), digest, asked, tick)
    except RefusedError as error:
        return error.refused


def forgotten(db: sqlite3.Connection, before: float) -> None:
    """Forget what ended before a time, and the steps of all that has ended."""
    over = "select no from gert_episode where ended is not null"
    db.execute(f"delete from gert_episode_step where episode in ({over})")  # noqa: S608 - our text
    db.execute("delete from gert_episode where ended < ?", (before,))
    db.execute("delete from gert_fork where at < ?", (before,))
    used = "select snapshot from gert_episode where snapshot is not null"
    db.execute(f"delete from gert_snapshot where no not in ({used})")  # noqa: S608 - our text
