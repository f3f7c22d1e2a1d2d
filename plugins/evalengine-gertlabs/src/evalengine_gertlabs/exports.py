"""Exports: asked for, listed, downloaded by links that work for a while and need no key."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from typing import TYPE_CHECKING, Any

from evalengine.store import Store
from evalengine_gertlabs import choosing, fields, owners, paging, replies, times, works
from evalengine_gertlabs.exporting import folder_of
from evalengine_gertlabs.selecting import ALIASES, BOTH, TYPES, Selecting, Wish, kinds
from evalengine_gertlabs.writing import FORMATS, check_format

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from evalengine_gertlabs.api import Api
    from evalengine_gertlabs.fields import Fields
    from evalengine_gertlabs.owners import Asker

_MOST_RECORDS = 1_000_000_000
_MODES = ("none", "measure", "best_of_n")
_KINDS = {"json": "application/json", "parquet": "application/vnd.apache.parquet"}


def routes(api: Api) -> Sequence[Any]:
    """Return the routes."""
    exports = _Exports(api)
    return [
        replies.route("/exports", exports.listed),
        replies.route("/exports", exports.create, "POST"),
        replies.route("/exports/reset-tracking", exports.reset_tracking, "POST"),
        replies.route("/exports/{id}", exports.get),
        replies.route("/exports/{id}/download", exports.download),
        replies.route("/files/{token}/{name}", exports.file, "GET", "HEAD"),
    ]


def kind_of(body: Fields) -> str:
    """Return the type of an export that a request names."""
    name: str = body.choice("export_type", (*TYPES, *ALIASES, BOTH), TYPES[0])
    return ALIASES.get(name, name)


class _Exports:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._works = works.Works(api)

    async def create(self, request: Any) -> Any:
        """Have an export written, by a job; with dry_run say how large it would be."""
        asker = await owners.asker(self._api, request, "run")
        body = await fields.of_body(request)
        games = choosing.selected(body, self._api.server.plugins.games(), needed=False)
        modes = body.texts("branch_modes", None)
        if modes is not None and not {*modes} <= {*_MODES}:
            msg = f"branch_modes must be of {', '.join(_MODES)}"
            raise replies.invalid(msg, "branch_modes")
        wish = {
            "kind": kind_of(body),
            "games": [] if modes is not None and "none" not in modes else games,  # nothing here was branched
            "best": body.number("min_percentile", None, most=1.0),
            "most": body.whole("max_records", None, least=1, most=_MOST_RECORDS),
            "new": body.flag("new_only", default=False),
        }
        form = body.choice("format", FORMATS, "json")
        check_format(form)
        if body.flag("dry_run", default=False):
            records = await self._api.server.call(self._estimated, Wish(owner=asker.owner, **wish))
            told = {"dry_run": True, "estimated_records": records, "estimated_credits": 0.0}
            return replies.result(request, told)
        job = await self._works.begin(asker, "export", {"wish": wish, "format": form})
        name = works.name_of(job.number)
        return replies.result(request, {"job_id": name, "export_id": name, "export_type": wish["kind"]}, 202)

    def _estimated(self, wish: Wish) -> int:
        with Store(self._api.server.db) as store:
            every = [wish._replace(kind=kind) for kind in kinds(wish.kind)]
            return sum(Selecting(self._api.rows, store, self._api.server.plugins, one).estimate() for one in every)

    async def listed(self, request: Any) -> Any:
        """List the account's exports, the latest first."""
        asker = await owners.asker(self._api, request, "read")
        page = paging.page(request, "exports", int)
        after = page.after[0] if page.after else (1 << 63) - 1
        sql = """select w.params, job.* from gert_work w join job on job.id = w.job
            where w.owner = ? and w.kind = 'export' and w.job < ? order by w.job desc limit ?"""
        rows = await self._api.read(sql, asker.owner, after, page.read)
        return paging.reply(request, page, rows, lambda row: (row["id"],), _view)

    async def get(self, request: Any) -> Any:
        """Show an export."""
        asker = await owners.asker(self._api, request, "read")
        return replies.result(request, {"export": _view(await self._own(asker, request))})

    async def _own(self, asker: Asker, request: Any) -> Any:
        row = await self._works.find(asker, request.path_params["id"], "export")
        sql = "select w.params, w.ticket, job.* from gert_work w join job on job.id = w.job where w.ticket = ?"
        return (await self._api.read(sql, row.ticket))[0]

    # ------------------------------------------------------------------------------ downloaded

    async def download(self, request: Any) -> Any:
        """Answer with a link to each file."""
        asker = await owners.asker(self._api, request, "read")
        row = await self._own(asker, request)
        if row["state"] != "completed":
            msg = f"this export is {row['state']}: wait for the job of its id"
            raise replies.conflict(msg, "NOT_READY", export_status=row["state"])
        result = json.loads(row["result"])
        if not result["record_count"]:
            return replies.result(request, {"record_count": 0, "message": "nothing fits this export"})
        links = await self._api.server.call(self._links, request, row["ticket"], result["files"])
        common = {"record_count": result["record_count"], "expires_in": self._api.options.download_s}
        if len(links) == 1:
            return replies.result(request, {**links[0], **common})
        return replies.result(request, {"chunked": True, "chunk_count": len(links), "chunks": links, **common})

    def _links(self, request: Any, ticket: str, files: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        tokens = [secrets.token_urlsafe(32) for _ in files]
        now = time.time()

        def add(connection: sqlite3.Connection) -> None:
            connection.execute("delete from gert_download where expires < ?", (now,))
            connection.executemany(
                "insert into gert_download values (?, ?, ?, ?)",
                [
                    (_digest(token), ticket, part, now + self._api.options.download_s)
                    for part, token in enumerate(tokens)
                ],
            )

        self._api.rows.together(add)
        base = f"{request.url.scheme}://{request.headers['host']}/api/v1/files"
        return [
            {
                "download_url": f"{base}/{token}/{file['name']}",
                "file_name": file["name"],
                "file_size": file["bytes"],
                "record_count": file["rows"],
                "sha256": file["sha256"],
                "export_type": file["export_type"],
            }
            for token, file in zip(tokens, files, strict=True)
        ]

    async def file(self, request: Any) -> Any:
        """Answer with a file, to whoever has a link that is not too old."""
        from starlette.responses import FileResponse, Response

        sql = """select part, job.id, job.result from gert_download d join gert_work w on w.ticket = d.work
            join job on job.id = w.job where d.digest = ? and expires > ? and job.state = 'completed'"""
        rows = await self._api.read(sql, _digest(request.path_params["token"]), time.time())
        if not rows:
            what = "file of this link, or it is too old: ask for the download again"
            raise replies.not_found(what)
        found = json.loads(rows[0]["result"])
        file = found["files"][rows[0]["part"]]
        path = folder_of(self._api.server.db, rows[0]["id"]) / file["name"]
        if request.path_params["name"] != file["name"] or not path.is_file():
            what = "file of this link"
            raise replies.not_found(what)
        headers = {"etag": f'"{file["sha256"]}"', "cache-control": "private, no-store"}
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        return FileResponse(path, media_type=_KINDS[found["format"]], filename=file["name"], headers=headers)

    # -------------------------------------------------------------------------------- tracking

    async def reset_tracking(self, request: Any) -> Any:
        """Forget what was exported, so that `new_only` brings it again."""
        asker = await owners.asker(self._api, request, "run")
        query = fields.of_query(request)
        where, values = ["owner = ?"], [asker.owner]
        if "export_type" in query:
            wanted = kinds(kind_of(query))
            where.append(f"kind in ({', '.join('?' * len(wanted))})")
            values += wanted
        if "game_slug" in query:
            where.append("game = ?")
            values.append(query.text("game_slug"))
        sql = f"delete from gert_exported where {' and '.join(where)}"  # noqa: S608 - our own words
        done = await self._api.change(sql, *values)
        return replies.result(request, {"forgotten": done.rowcount})


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _view(row: Any) -> dict[str, Any]:
    params = json.loads(row["params"])
    result = json.loads(row["result"]) if row["result"] else {}
    wish = params["wish"]
    told = {
        "job_id": works.name_of(row["id"]),
        "export_id": works.name_of(row["id"]),
        "status": row["state"],
        "progress": round(row["progress"], 4),
        "export_type": wish["kind"],
        "format": params["format"],
        "record_count": result.get("record_count"),
        "file_count": len(result["files"]) if "files" in result else None,
        "min_percentile": wish.get("best"),
        "games": wish.get("games"),
        "created_at": times.told(row["created"]),
        "completed_at": times.told(row["finished"]),
    }
    if row["error"]:
        told["error_message"] = row["error"]
    return told | ({"skipped": result["skipped"]} if result.get("skipped") else {})
