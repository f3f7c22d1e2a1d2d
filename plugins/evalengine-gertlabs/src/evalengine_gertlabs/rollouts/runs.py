"""Rollout runs: budgets of episodes, opened, extended, listed, closed; and what is kept of them."""

from __future__ import annotations

import datetime as dt
import secrets
import time
from typing import TYPE_CHECKING, Any

from evalengine_gertlabs import fields, owners, paging, replies

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable, Mapping

    from evalengine import RefusedError
    from evalengine_gertlabs.api import Api
    from evalengine_gertlabs.owners import Asker

TICK_CREDITS = 0.0004
_TICKS = 1_000  # of an episode, unless the run says otherwise
_MOST_TICKS, _MOST_EPISODES, _MOST_RUNS = 100_000, 10_000_000, 1_000
_LASTS_S = 7 * 86400.0
_WIDTH, _ALPHA = 0.15, 0.1
STATES = ("active", "closing", "closed")


class Runs:
    """The routes of runs, and their rows.

    Args:
        end_episodes: closes the live episodes of a run.
    """

    def __init__(self, api: Api, end_episodes: Callable[[int], Awaitable[None]]) -> None:
        self._api = api
        self._end_episodes = end_episodes

    async def open(self, request: Any) -> Any:
        """Begin a run: `{"max_episodes", "max_ticks_per_episode"?, "auto_curriculum"?, ...}`."""
        who = await owners.asker(self._api, request, "play")
        body = await fields.of_body(request)
        row = {
            "id": f"run_{secrets.token_urlsafe(15)}",
            "owner": who.owner,
            "state": "active",
            "created": time.time(),
            "expires": time.time() + _LASTS_S,
            "max_episodes": body.whole("max_episodes", least=1, most=_MOST_EPISODES),
            "ticks_per_episode": body.whole("max_ticks_per_episode", _TICKS, least=1, most=_MOST_TICKS),
            "auto_curriculum": body.flag("auto_curriculum", default=False),
            "band_width": body.number("curriculum_band_width", _WIDTH, least=1e-6, most=0.5),
            "alpha": body.number("curriculum_ewma_alpha", _ALPHA, least=1e-6, most=1.0),
        }
        await self._api.server.call(self._api.rows.together, lambda db: _added(db, row))
        return replies.result(request, _held(row), 201)

    async def list(self, request: Any) -> Any:
        """Return runs, the newest first, `?status=`."""
        who = await owners.reader(self._api, request)
        page = paging.page(request, "runs", int)
        status = fields.of_query(request).choice("status", STATES, None)
        before = page.after[0] if page.after else 1 << 62
        sql = """select * from gert_rollout_run where owner = ? and no < ? and (? is null or state = ?)
            order by no desc limit ?"""
        rows = await self._api.read(sql, who.owner, before, status, status, page.read)
        return paging.reply(request, page, rows, lambda row: (row["no"],), _shown)

    async def extend(self, request: Any) -> Any:
        """Let a run have more episodes: `{"additional_episodes"}`."""
        who = await owners.asker(self._api, request, "play")
        run = await self.active(who, request.path_params["run_id"])
        more = (await fields.of_body(request)).whole("additional_episodes", least=1, most=_MOST_EPISODES)
        if run["max_episodes"] + more > _MOST_EPISODES:
            told = f"a run has at most {_MOST_EPISODES} episodes"
            raise replies.invalid(told, "additional_episodes")
        await self._api.change(
            "update gert_rollout_run set max_episodes = max_episodes + ? where no = ?", more, run["no"]
        )
        return replies.result(request, _held(await self.found(who, run["id"])))

    async def close(self, request: Any) -> Any:
        """End a run with all its episodes; once more is answered alike."""
        who = await owners.asker(self._api, request, "play")
        run = await self.found(who, request.path_params["run_id"])
        await self.end(run)
        return replies.result(request, _shown(await self.found(who, run["id"])))

    async def end(self, run: Mapping[str, Any]) -> None:
        """Close a run, if it is not."""
        if run["state"] == "active":
            sql = "update gert_rollout_run set state = 'closed', closed = ? where no = ? and state = 'active'"
            await self._api.change(sql, time.time(), run["no"])
        await self._end_episodes(run["no"])

    async def end_expired(self) -> None:
        """Close the runs whose time is over."""
        sql = "select * from gert_rollout_run where state = 'active' and expires < ?"
        for run in await self._api.read(sql, time.time()):
            await self.end(run)

    async def found(self, who: Asker, run_id: str) -> Mapping[str, Any]:
        """Return a run of who asks.

        Raises:
            RefusedError: 404 otherwise.
        """
        rows = await self._api.read("select * from gert_rollout_run where id = ?", run_id)
        if not rows or not who.may_see(rows[0]["owner"]):
            what = "rollout run of this id"
            raise replies.not_found(what)
        return dict(rows[0])

    async def active(self, who: Asker, run_id: str) -> Mapping[str, Any]:
        """Return a run of who asks that is not closed.

        Raises:
            RefusedError: 404, or 409 RUN_CLOSED.
        """
        run = await self.found(who, run_id)
        if run["state"] != "active" or run["expires"] < time.time():
            msg = f"run {run_id} is closed: open another"
            raise replies.conflict(msg, "RUN_CLOSED")
        return run


def claim(db: sqlite3.Connection, run: int, count: int) -> None:
    """Take episodes from a run's budget, all or none.

    Raises:
        RefusedError: 409 RUN_EXHAUSTED, RUN_CLOSED.
    """
    sql = """update gert_rollout_run set episodes_used = episodes_used + ?
        where no = ? and state = 'active' and episodes_used + ? <= max_episodes"""
    if db.execute(sql, (count, run, count)).rowcount:
        return
    row = db.execute("select * from gert_rollout_run where no = ?", (run,)).fetchone()
    if row["state"] != "active":
        msg = f"run {row['id']} is closed: open another"
        raise replies.conflict(msg, "RUN_CLOSED")
    raise exhausted(row, count)


def exhausted(row: Mapping[str, Any], count: int) -> RefusedError:
    """Return the refusal of more episodes than a run has left."""
    used, most = row["episodes_used"], row["max_episodes"]
    told = f"{count} episodes are wanted, and {used} of the run's {most} are used: extend it"
    return replies.conflict(told, "RUN_EXHAUSTED", episodes_used=used, max_episodes=most)


def _added(db: sqlite3.Connection, row: Mapping[str, Any]) -> None:
    sql = "select count(*) from gert_rollout_run where owner = ? and state = 'active'"
    if db.execute(sql, (row["owner"],)).fetchone()[0] >= _MOST_RUNS:
        msg = f"you have {_MOST_RUNS} open runs: close some"
        raise replies.conflict(msg, "TOO_MANY_RUNS")
    names = ", ".join(row)
    db.execute(f"insert into gert_rollout_run ({names}) values ({', '.join('?' * len(row))})", tuple(row.values()))  # noqa: S608 - our names


def _held(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "run_id": row["id"],
        "max_episodes": row["max_episodes"],
        "estimated_credits": round(row["max_episodes"] * row["ticks_per_episode"] * TICK_CREDITS, 6),
        "expires_at": stamp(row["expires"]),
    }


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        "run_id": row["id"],
        "status": row["state"],
        "max_episodes": row["max_episodes"],
        "episodes_used": row["episodes_used"],
        "ticks_used": row["ticks_used"],
        "credits_used": round(row["ticks_used"] * TICK_CREDITS, 6),
        "ticks_per_episode": row["ticks_per_episode"],
        "auto_curriculum": bool(row["auto_curriculum"]),
        "created_at": stamp(row["created"]),
        "expires_at": stamp(row["expires"]),
    }
    if row["win_rate"] is not None:
        found["curriculum_win_rate"] = row["win_rate"]
    if row["closed"] is not None:
        found["closed_at"] = stamp(row["closed"])
    return found


def stamp(seconds: float) -> str:
    """Return a time as clients read it."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
