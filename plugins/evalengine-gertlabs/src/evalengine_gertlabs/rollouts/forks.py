"""Episodes that continue another from where it stands: one, or many at once under a key that makes it happen once."""

from __future__ import annotations

import functools
import json
import time
from typing import TYPE_CHECKING, Any

from evalengine import RefusedError, wire
from evalengine_gertlabs import fields, owners, replies
from evalengine_gertlabs.rollouts import envelope, plans
from evalengine_gertlabs.rollouts.processes import DiedError, FailedError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence

    from evalengine_gertlabs.api import Api
    from evalengine_gertlabs.owners import Asker
    from evalengine_gertlabs.rollouts.hall import Hall
    from evalengine_gertlabs.rollouts.lives import Live
    from evalengine_gertlabs.rollouts.plans import Plan
    from evalengine_gertlabs.rollouts.runs import Runs

MOST = 128
REPLAYED_S = 600.0
_KEY_BYTES = 128
_DONE, _FAILED = "done", "failed"


class Forks:
    """The routes of forks."""

    def __init__(self, api: Api, runs: Runs, hall: Hall) -> None:
        self._api = api
        self._runs = runs
        self._hall = hall
        self._going_on: set[tuple[str, str]] = set()

    async def one(self, request: Any) -> Any:
        """Fork an episode once."""
        who = await owners.asker(self._api, request, "play")
        (told,) = await self._forked(who, request.path_params, 1, None)
        return envelope.raw(request, told, 201)

    async def many(self, request: Any) -> Any:
        """Fork an episode several times: `{"count", "op_key"?}`; the same key once more returns the same forks."""
        who = await owners.asker(self._api, request, "play")
        body, path = await fields.of_body(request), request.path_params
        count, key = body.whole("count", least=1, most=MOST), body.text("op_key", None, most=_KEY_BYTES)
        if key is not None and len(key.encode()) > _KEY_BYTES:
            told = f"op_key may have {_KEY_BYTES} bytes"
            raise replies.invalid(told, "op_key")
        if key is None:
            return _answer(request, await self._forked(who, path, count, None))
        place = path["episode_id"], key
        if place in self._going_on:
            raise RefusedError(503, "RUN_BUSY", "this batch is still being made", headers={"retry-after": "1"})
        self._going_on.add(place)
        try:
            await self._runs.found(who, path["run_id"])
            known = await self._known(*place, count)
            return _answer(request, known or await self._forked(who, path, count, key))
        finally:
            self._going_on.discard(place)

    async def _known(self, episode_id: str, key: str, count: int) -> list[bytes]:
        """Return the forks that were made under a key, none where it is new.

        Raises:
            RefusedError: 409 CONFLICT, OP_FAILED, REPLAY_EXPIRED.
        """
        rows = await self._api.read("select * from gert_fork where episode = ? and op_key = ?", episode_id, key)
        if not rows:
            return []
        row = rows[0]
        if row["count"] != count:
            told = f"this op_key made {row['count']} forks: use another for {count}"
            raise replies.conflict(told)
        if row["state"] == _FAILED:
            told = "the batch of this op_key failed: use another"
            raise replies.conflict(told, "OP_FAILED")
        if row["at"] < time.time() - REPLAYED_S:
            told = "the batch of this op_key is too old to be told again"
            raise replies.conflict(told, "REPLAY_EXPIRED")
        first, ids = wire.unpack(row["children"])
        shown = json.loads(first)
        return [json.dumps({**shown, "episode_id": one}, separators=(",", ":")).encode() for one in ids]

    async def _forked(self, who: Asker, path: Mapping[str, str], count: int, key: str | None) -> list[bytes]:
        """Return what is told of new forks.

        Raises:
            RefusedError: there can be none.
        """
        run = await self._runs.active(who, path["run_id"])
        parent = await self._hall.going_on(who, run, path["episode_id"])
        self._hall.lives.check_room(run["owner"], count)
        async with parent.lock:
            plan = await self._hall.plan(parent)
            tick, turns, _, _ = await self._hall.ask(parent, "state", parent.id)
            made = self._plans(plan, parent, tick, turns, count)
            parent.forks += count
            parent.used = time.monotonic()
        try:
            return await self._hall.begin(run, made, None if key is None else _noted(parent.id, key, count))
        except (DiedError, FailedError) as error:
            if key is not None:
                await self._api.change(*_row(parent.id, key, count, _FAILED, b""))
            self._api.server.log(f"forks of rollout episode {parent.id} failed: {error}")
            raise RefusedError(500, "INTERNAL_ERROR", "the game failed: no fork was made") from error

    def _plans(self, plan: Plan, parent: Live, tick: int, turns: bytes, count: int) -> list[Plan]:
        """Return the plans of forks.

        Raises:
            RefusedError: 409 FORK_UNSUPPORTED.
        """
        branching = self._api.server.plugins.games()[plan.game].branching
        if plan.others or branching == "none":
            why = "it has opponents" if plan.others else f"matches of {plan.game} cannot be continued"
            told = f"episode {parent.id} cannot be forked: {why}"
            raise replies.conflict(told, "FORK_UNSUPPORTED")
        fork = functools.partial(plans.forked, plan, parent.id, tick, turns, fresh=branching == "full")
        return [fork(sample=parent.forks + number) for number in range(count)]


def _noted(episode_id: str, key: str, count: int) -> Callable[[sqlite3.Connection, Sequence[str], bytes], None]:
    def note(db: sqlite3.Connection, ids: Sequence[str], first: bytes) -> None:
        sql, *values = _row(episode_id, key, count, _DONE, wire.pack([first, list(ids)]))
        db.execute(sql, values)

    return note


def _row(episode_id: str, key: str, count: int, state: str, children: bytes) -> tuple[Any, ...]:
    sql = "insert or replace into gert_fork values (?, ?, ?, ?, ?, ?)"
    return sql, episode_id, key, count, state, children, time.time()


def _answer(request: Any, told: Sequence[bytes]) -> Any:
    return envelope.raw(request, b'{"forks":[' + b",".join(told) + b"]}", 201)
