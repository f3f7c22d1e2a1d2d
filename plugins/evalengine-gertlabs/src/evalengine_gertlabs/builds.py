"""Datasets built in one job: agents written and evaluated, or decisions explored, then exported."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

from evalengine.seeding import fresh_seed
from evalengine_gertlabs import billing, choosing, fields, owners, replies, works
from evalengine_gertlabs.selecting import ALIASES, BOTH, REPLAYS, SUBMISSIONS, kinds
from evalengine_gertlabs.writing import FORMATS, check_format

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from evalengine_gertlabs.api import Api
    from evalengine_gertlabs.fields import Fields

CODE, EXPLORE = MODES = "code_evaluation", "branch_exploration"
_MOST_MATCHES = 10_000_000  # of a build


def routes(api: Api) -> Sequence[Any]:
    """Return the routes."""
    return [replies.route("/dataset-builds", _Builds(api).create, "POST")]


class _Builds:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._works = works.Works(api)
        self._one = asyncio.Lock()  # who is refused is told of a job that is there

    async def create(self, request: Any) -> Any:
        """Begin a build; with dry_run say what it would cost."""
        asker = await owners.asker(self._api, request, "run")
        body = await fields.of_body(request)
        mode = body.choice("mode", MODES)
        games = choosing.selected(body, self._api.server.plugins.games(), needed=True) or []
        params = _code(body) if mode == CODE else _exploration(body)
        provider = self._api.providers.find(body.text("custom_provider_id"))
        params |= {"mode": mode, "games": games, "provider": provider.id, "seed": fresh_seed()}
        params["model"] = provider.model(body.text("model", None))
        params["format"] = body.choice("export_format", FORMATS, "json")
        check_format(params["format"])
        if mode == EXPLORE:
            games = params["games"] = self._explorable(games)
        estimate = await self._api.server.call(self._estimate, mode, games, params)
        if body.flag("dry_run", default=False):
            return replies.result(request, {"dry_run": True, "mode": mode, "games": games, **estimate})
        matches = estimate["estimated_matches"]
        if matches > _MOST_MATCHES:
            msg = f"this would be about {matches} matches: {_MOST_MATCHES} a build may have"
            raise replies.invalid(msg)

        def store(connection: sqlite3.Connection, ticket: str) -> None:
            _check_alone(connection, asker.owner, ticket)
            billing.charge(connection, self._api.options, asker.owner, "dataset_build", ticket, matches)

        async with self._one:
            job = await self._works.begin(asker, "build", params, store)
        told = {"job_id": works.name_of(job.number), "mode": mode, "games": games, **estimate}
        return replies.result(request, told, 202)

    def _explorable(self, games: Sequence[str]) -> list[str]:
        known = self._api.server.plugins.games()
        found = [name for name in games if known[name].branching != "none"]
        if not found:
            what = "game among these whose matches can be continued from a turn"
            raise replies.not_found(what)
        return found

    def _estimate(self, mode: str, games: Sequence[str], params: Mapping[str, Any]) -> dict[str, Any]:
        """Return matches, credits and, as far as anything was measured here, seconds."""
        matches, seconds = 0, 0.0
        for game in games:
            rate_s, turns = self._measured(game)
            own = (
                params["submission_count"] * params["match_count"]
                if mode == CODE
                else self._explored(game, turns, params)
            )
            matches += own
            seconds += math.nan if rate_s is None else rate_s * own
        return {
            "estimated_matches": matches,
            "estimated_credits": billing.price(self._api.options, matches),
            "estimated_seconds": None if math.isnan(seconds) else round(seconds, 1),
        }

    def _explored(self, game: str, turns: float | None, params: Mapping[str, Any]) -> int:
        """Return how many matches an exploration of a game would be, its parents among them."""
        spec = self._api.server.plugins.games()[game]
        asked = spec.max_turns if turns is None else turns
        decisions = asked * (spec.default_seats if spec.dynamics == "simultaneous" else 1)
        points = math.ceil(decisions / params["explore_interval"])
        own = points * params["max_actions"] * params["samples_per_action"]
        return int(params["parent_count"] * (1 + own))

    def _measured(self, game: str) -> tuple[float | None, float | None]:
        """Return seconds and turns of a match of a game, over the latest runs of this API; None: there are none."""
        sql = """select sum(run.seconds) s, sum((select count(*) from match where id >> 40 = run.id)) n,
            sum((select sum(turns) from match where id >> 40 = run.id)) t
            from (select * from gert_run where game = ? order by run desc limit 5) latest
            join run on run.id = latest.run where run.state in ('done', 'stopped')"""
        sql = sql.replace("where id >> 40 = run.id", "where id >= run.id << 40 and id < (run.id + 1) << 40")
        (row,) = self._api.rows.read(sql, game)
        return (row["s"] / row["n"], row["t"] / row["n"]) if row["n"] else (None, None)


def _code(body: Fields) -> dict[str, Any]:
    kind = body.choice("export_type", (SUBMISSIONS, REPLAYS, *ALIASES, BOTH), BOTH)
    return {
        "submission_count": body.whole("submission_count", 10, least=1, most=1_000),
        "match_count": body.whole("match_count", 100, least=1, most=10_000),
        "export_types": kinds(kind),
    }


def _exploration(body: Fields) -> dict[str, Any]:
    for name in ("ai_mode", "handover_model"):
        body.text(name, None)  # there is one way to play on here
    body.whole("llm_phase_ticks", None)
    return {
        "parent_count": body.whole("parent_count", 5, least=1, most=10_000),
        "samples_per_action": body.whole("samples_per_action", 3, least=1, most=1_000),
        "max_actions": body.whole("max_actions", 3, least=1, most=1_000),
        "explore_interval": body.whole("explore_interval", 10, least=1, most=100_000),
    }


def _check_alone(connection: sqlite3.Connection, owner: str, ticket: str) -> None:
    """Refuse a build while another of the account waits or runs.

    Raises:
        RefusedError: 409, with its job.
    """
    sql = """select job.id from gert_work w join job on job.id = w.job where w.owner = ? and w.kind = 'build'
        and w.ticket <> ? and job.state in ('queued', 'running')"""
    found = connection.execute(sql, (owner, ticket)).fetchone()
    if found:
        msg = "a build of yours is not done yet: wait for it"
        raise replies.conflict(msg, existing_job_id=works.name_of(found[0]))
