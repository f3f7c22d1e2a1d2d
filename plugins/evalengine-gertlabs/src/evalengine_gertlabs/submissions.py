"""Submissions: source of agents, sent or written, evaluated, listed, deleted."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from evalengine.seeding import fresh_seed
from evalengine_gertlabs import (
    billing,
    choosing,
    fields,
    generating,
    league,
    opponents,
    owners,
    paging,
    replies,
    source,
    times,
    works,
)  # fmt: skip

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from evalengine_gertlabs.api import Api
    from evalengine_gertlabs.fields import Fields
    from evalengine_gertlabs.owners import Asker

MOST_MATCHES = 10_000  # of one evaluation of one submission
MOST_AT_ONCE = 100  # submissions of one batch
MOST_OWNED = 100_000
USUAL_MATCHES = 100
_BRANCH_MODES = ("none", "measure", "best_of_n")
_COLUMNS = """gert_submission.*, job.state as job_state, job.error as job_error, gert_work.job as job,
    gert_work.kind as work_kind,
    (select result from gert_evaluation e where e.submission = gert_submission.id and finished is not null
        order by e.number desc limit 1) as latest,
    (select coalesce(sum(json_extract(result, '$.matches_played')), 0) from gert_evaluation e
        where e.submission = gert_submission.id) as played,
    (select max(finished) from gert_evaluation e where e.submission = gert_submission.id) as evaluated"""
_FROM = "from gert_submission left join gert_work on ticket = work left join job on job.id = gert_work.job"
_HERE = "gert_submission.owner = ? and deleted is null"


def routes(api: Api) -> Sequence[Any]:
    """Return the routes."""
    subs = _Submissions(api)
    api.server.allow_body("/api/v1/submissions", source.BODY_BYTES)
    return [
        replies.route("/submissions", subs.listed),
        replies.route("/submissions", subs.create, "POST"),
        replies.route("/submissions/evaluate", subs.batch_evaluate, "POST"),
        replies.route("/submissions/bulk-delete", subs.bulk_delete, "POST"),
        replies.route("/submissions/{id}", subs.get),
        replies.route("/submissions/{id}", subs.delete, "DELETE"),
        replies.route("/submissions/{id}/evaluate", subs.evaluate, "POST"),
        replies.route("/submissions/{id}/evaluations", subs.evaluations),
    ]


class _Submissions:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._works = works.Works(api)
        self._looks = asyncio.Semaphore(2)  # processes that look at source at once

    # ----------------------------------------------------------------------------------- made

    async def create(self, request: Any) -> Any:
        """Store source that is sent, or have a provider write some."""
        asker = await owners.asker(self._api, request, "run")
        body = await fields.of_body(request)
        game = choosing.game(body.text("game"), self._api.server.plugins.games())
        body.choice("language", source.LANGUAGES, "python")
        files = source.of_body(body)
        pipeline = body.choice("pipeline", ("one_shot", "agentic"), "one_shot")
        if body.flag("branch", default=False):
            msg = "branch: this server does not branch while an agent is written; explore its matches instead"
            raise replies.invalid(msg, "branch")
        await self._check_room(asker)
        if files is None:
            return await self._generate(request, asker, body, game.name, agentic=pipeline == "agentic")
        label, model = body.text("provider", None), body.text("model", None)
        async with self._looks:
            found = await self._api.server.call(source.checked, files)
        name = generating.new_id()
        spec = await self._api.server.call(source.stored, self._api.server.db, name, found)
        values = (
            name, asker.owner, game.name, "python", "ready", json.dumps(dict(found.files)), spec.entry, spec.version,
            label, None if label is None else "org:local", model, time.time(),
        )  # fmt: skip
        sql = """insert into gert_submission (id, owner, game, language, state, files, entry, digest, provider,
            provider_source, model, created) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
        await self._api.change(sql, *values)
        return replies.result(request, await self._shown(asker, name), 201)

    async def _generate(self, request: Any, asker: Asker, body: Fields, game: str, *, agentic: bool) -> Any:
        """Have a provider write a submission: by a job where that takes long."""
        if "custom_provider_id" not in body:
            msg = "send code, files, or custom_provider_id for a provider to write it"
            raise replies.invalid(msg, "code")
        provider = self._api.providers.find(body.text("custom_provider_id"))
        model = provider.model(body.text("model", None))
        tries = body.whole("max_turns", generating.TRIES, least=1, most=20) if agentic else 1
        name, created = generating.new_id(), time.time()
        (row,) = await self._api.read(
            "select count(*) from gert_submission where owner = ? and game = ?", asker.owner, game
        )
        number = body.whole("seed", row[0], most=1_000_000)

        def add(connection: sqlite3.Connection, ticket: str | None) -> None:
            sql = """insert into gert_submission (id, owner, game, language, state, files, provider, provider_source,
                model, work, created) values (?, ?, ?, 'python', 'generating', '{}', ?, ?, ?, ?, ?)"""
            values = name, asker.owner, game, provider.name, provider.source, model, ticket, created
            connection.execute(sql, values)

        if provider.waits:
            params = {"provider": provider.id, "model": model, "number": number, "tries": tries}
            job = await self._works.begin(asker, "generation", params, add)
            told = await self._shown(asker, name)
            return replies.result(request, {**told, "job_id": works.name_of(job.number)}, 202)
        spec = self._api.server.plugins.games()[game]
        async with self._looks:
            wrote = await self._api.server.call(generating.written, provider, spec, number, model)
        await self._api.server.call(self._api.rows.together, lambda connection: add(connection, None))
        await self._api.server.call(generating.keep, self._api.rows, self._api.server.db, name, *wrote)
        return replies.result(request, await self._shown(asker, name), 201)

    async def _check_room(self, asker: Asker) -> None:
        sql = "select count(*) from gert_submission where owner = ? and deleted is null"
        if (await self._api.read(sql, asker.owner))[0][0] >= MOST_OWNED:
            msg = f"this account has {MOST_OWNED} submissions: delete some"
            raise replies.conflict(msg, "TOO_MANY_SUBMISSIONS")

    # --------------------------------------------------------------------------------- listed

    async def listed(self, request: Any) -> Any:
        """List the account's submissions, the latest first."""
        asker = await owners.asker(self._api, request, "read")
        page = paging.page(request, "submissions", int)
        query = fields.of_query(request)
        query.flag("mine", default=True)  # all that are listed are
        where, values = [], []
        for name in ("game", "game_slug"):
            if name in query:
                where.append("game = ?")
                values.append(query.text(name))
        if "branch_mode" in query:
            wanted = _listed(query, "branch_mode")
            if not {*wanted} <= {*_BRANCH_MODES}:
                msg = f"branch_mode must be of {', '.join(_BRANCH_MODES)}"
                raise replies.invalid(msg, "branch_mode")
            if "none" not in wanted:
                where.append("0")  # nothing here was branched
        after = page.after[0] if page.after else (1 << 63) - 1
        clause = " and ".join([_HERE, *where])
        sql = f"select {_COLUMNS} {_FROM} where {clause} and number < ? order by number desc limit ?"
        rows = await self._api.read(sql, asker.owner, *values, after, page.read)
        return paging.reply(request, page, rows, lambda row: (row["number"],), _view)

    async def get(self, request: Any) -> Any:
        """Show a submission with its source."""
        asker = await owners.asker(self._api, request, "read")
        return replies.result(request, await self._shown(asker, request.path_params["id"]))

    async def evaluations(self, request: Any) -> Any:
        """List a submission's evaluations, the latest first."""
        asker = await owners.asker(self._api, request, "read")
        row = await self._own(asker, request.path_params["id"])
        sql = """select e.*, gert_work.job, job.state from gert_evaluation e left join gert_work on ticket = work
            left join job on job.id = gert_work.job where submission = ? order by e.number desc limit 1000"""
        rows = await self._api.read(sql, row["id"])
        return replies.result(request, {"evaluations": [_evaluation(one) for one in rows]})

    async def _own(self, asker: Asker, name: str) -> Any:
        """Return the row of a submission.

        Raises:
            RefusedError: 404, the account has none of this id.
        """
        sql = f"select {_COLUMNS} {_FROM} where gert_submission.id = ? and deleted is null"
        rows = await self._api.read(sql, name)
        if not rows or not asker.may_see(rows[0]["owner"]):
            what = f"submission {name[:80]!r}"
            raise replies.not_found(what)
        return rows[0]

    async def _shown(self, asker: Asker, name: str) -> dict[str, Any]:
        row = await self._own(asker, name)
        files = json.loads(row["files"])
        told = _view(row) | {"files": files, "rating_formula": league.FORMULA}
        return told | {"code": files.get(row["entry"])}

    # -------------------------------------------------------------------------------- deleted

    async def delete(self, request: Any) -> Any:
        """Delete a submission, and end its evaluations; matches that it played stay: others' ratings rest on them."""
        asker = await owners.asker(self._api, request, "run")
        row = await self._own(asker, request.path_params["id"])
        await self._api.change("update gert_submission set deleted = ? where id = ?", time.time(), row["id"])
        await self._end_evaluations(row["id"])
        return replies.nothing()

    async def _end_evaluations(self, name: str) -> None:
        """End the jobs that evaluate this submission and no other."""
        sql = """select w.job from gert_work w join job on job.id = w.job where w.kind = 'evaluation'
            and job.state in ('queued', 'running') and json_extract(w.params, '$.submissions') = json_array(?)"""
        for row in await self._api.read(sql, name):
            await self._api.server.jobs.cancel(row["job"])

    async def bulk_delete(self, request: Any) -> Any:
        """Delete the submissions that are selected; only told of unless dry_run is false and confirm is true."""
        asker = await owners.asker(self._api, request, "run")
        body = await fields.of_body(request)
        clause, values = _selection(body)
        dry = body.flag("dry_run", default=True) or not body.flag("confirm", default=False)
        expected = body.whole("expected_count", None)
        body.choice("scope", ("own", "org"), "own")

        def remove(connection: sqlite3.Connection) -> tuple[int, list[str]]:
            sql = f"select id from gert_submission where {_HERE} and {clause} order by number"  # noqa: S608 - our words
            found = [row[0] for row in connection.execute(sql, (asker.owner, *values))]
            if not dry:
                if expected not in {None, len(found)}:
                    msg = f"{len(found)} submissions match, not {expected}: nothing was deleted"
                    raise replies.conflict(msg, "COUNT_MISMATCH", matched=len(found))
                now = time.time()
                sql = "update gert_submission set deleted = ? where id = ?"
                connection.executemany(sql, [(now, name) for name in found])
            return len(found), found[:20]

        matched, sample = await self._api.server.call(self._api.rows.together, remove)
        told = {"matched": matched, "sample": sample, "deleted": 0 if dry else matched, "dry_run": dry}
        return replies.result(request, told)

    # ------------------------------------------------------------------------------ evaluated

    async def evaluate(self, request: Any) -> Any:
        """Have a submission play, by a job."""
        asker = await owners.asker(self._api, request, "run")
        body = await fields.of_body(request)
        row = await self._own(asker, request.path_params["id"])
        return await self._evaluate(request, asker, body, [row], batch=False)

    async def batch_evaluate(self, request: Any) -> Any:
        """Have several submissions play, one after another, by one job."""
        asker = await owners.asker(self._api, request, "run")
        body = await fields.of_body(request)
        names = body.texts("submission_ids", most=MOST_AT_ONCE)
        if not names:
            msg = "submission_ids is empty"
            raise replies.invalid(msg, "submission_ids")
        rows = [await self._own(asker, name) for name in dict.fromkeys(names)]
        return await self._evaluate(request, asker, body, rows, batch=True)

    async def _evaluate(self, request: Any, asker: Asker, body: Fields, rows: Sequence[Any], *, batch: bool) -> Any:
        matches = body.whole("match_count", USUAL_MATCHES, least=1, most=MOST_MATCHES)
        pool = opponents.of_body(body)
        if "callback_url" in body:
            msg = "callback_url: this server asks no addresses that clients name; wait for the job"
            raise replies.invalid(msg, "callback_url")
        for row in rows:
            if row["state"] != "ready":
                msg = f"submission {row['id']} is {_state(row)}, not ready"
                raise replies.conflict(msg, "NOT_READY")
        names = [row["id"] for row in rows]
        params = {
            "submissions": names, "match_count": matches, "pool": pool._asdict(), "seed": fresh_seed(), "batch": batch,
        }  # fmt: skip
        runs = {name: f"eval_{generating.new_id()[4:]}" for name in names}

        def add(connection: sqlite3.Connection, ticket: str) -> None:
            total = matches * len(names)
            billing.charge(connection, self._api.options, asker.owner, "evaluation", ticket, total)
            sql = "insert into gert_evaluation (id, submission, owner, work, created) values (?, ?, ?, ?, ?)"
            for name in names:
                connection.execute(sql, (runs[name], name, asker.owner, ticket, time.time()))

        job = await self._works.begin(asker, "evaluation", params, add)
        told: dict[str, Any] = {
            "job_id": works.name_of(job.number),
            "match_count": matches,
            "estimated_credits": billing.price(self._api.options, matches * len(names)),
            "rating_formula": league.FORMULA,
        }
        if batch:
            told |= {"submission_ids": names, "eval_run_ids": list(runs.values())}
        else:
            told |= {"submission_id": names[0], "eval_run_id": runs[names[0]]}
        return replies.result(request, told, 202)


def _listed(query: Fields, name: str) -> list[str]:
    """Return the texts of a query's field: given several times, or with commas."""
    given: Sequence[str] = query.texts(name)
    return [part for text in given for part in text.split(",") if part]


def _selection(body: Fields) -> tuple[str, list[Any]]:
    """Return a condition on submissions, and its values.

    Raises:
        RefusedError: the request selects nothing, which would be everything.
    """
    where, values = [], []
    for name, column in (("submission_ids", "id"), ("models", "model"), ("providers", "provider")):
        wanted = body.texts(name, None, most=1_000)
        if wanted is not None:
            where.append(f"{column} in ({', '.join('?' * len(wanted))})")
            values += wanted
    if "game_slug" in body:
        where.append("game = ?")
        values.append(body.text("game_slug"))
    for name, sign in (("created_after", ">"), ("created_before", "<")):
        when = times.asked(body, name)
        if when is not None:
            where.append(f"created {sign} ?")
            values.append(when)
    modes = body.texts("branch_modes", None)
    if modes is not None:
        where.append("1" if "none" in modes else "0")
    if not where:
        msg = "select submissions by game_slug, models, providers, branch_modes, created_after, created_before, or ids"
        raise replies.invalid(msg)
    return " and ".join(where), values


def _state(row: Any) -> str:
    """Return a submission's state; one whose job came to nothing is not being written any more."""
    if row["state"] == "generating" and row["job_state"] in {"failed", "cancelled"}:
        return "failed"
    return str(row["state"])


def _view(row: Any) -> dict[str, Any]:
    latest: Mapping[str, Any] = json.loads(row["latest"]) if row["latest"] else {}
    told = {
        "submission_id": row["id"],
        "game": row["game"],
        "game_slug": row["game"],
        "language": row["language"],
        "status": _state(row),
        "elo_rating": _rounded(row["elo"]),
        "elo_lo": _rounded(row["elo_lo"]),
        "elo_hi": _rounded(row["elo_hi"]),
        "matches_played": row["played"],
        "errors": latest.get("errors", []),
        "digest": row["digest"],
        "notes": row["notes"],
        "created_at": times.told(row["created"]),
        "evaluated_at": times.told(row["evaluated"]),
    }
    told |= {name: row[name] for name in ("provider", "provider_source", "model") if row[name] is not None}
    if told["status"] == "failed":
        told["error"] = row["error"] or row["job_error"] or "it was not written"
    if told["status"] == "generating" and row["job"] is not None:
        told["job_id"] = works.name_of(row["job"])
    return told


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _evaluation(row: Any) -> dict[str, Any]:
    done = row["finished"] is not None
    told = {
        "eval_run_id": row["id"],
        "submission_id": row["submission"],
        "job_id": works.name_of(row["job"]),
        "status": "completed" if done else row["state"],
        "reward": _rounded(row["elo"]),
        "created_at": times.told(row["created"]),
        "completed_at": times.told(row["finished"]),
    }
    return {**json.loads(row["result"]), **told}
