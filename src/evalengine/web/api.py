"""The server's own routes: its health, its metrics, jobs. All else comes from plugins."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from evalengine.entry import versions_now
from evalengine.web import answers, exporting, openapi
from evalengine.web.answers import RefusedError
from evalengine.web.job_rows import COMPLETED
from evalengine.web.openapi import LARGEST, LONGEST_WAIT_S, MOST_JOBS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.web.house import Server
    from evalengine.web.job_rows import Job


def routes(server: Server) -> Sequence[Any]:
    """Return the routes."""
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    jobs, version = _JobRoutes(server), versions_now(server.plugins)["evalengine"]

    async def described(_request: Any) -> Any:
        return JSONResponse(openapi.document(version, server.described))

    return [
        Route("/healthz", _Health(server).health),
        Route("/metrics", _Health(server).metrics),
        Route("/api/openapi.json", described),
        Route("/api/jobs", jobs.list, methods=["GET"]),
        Route("/api/jobs", jobs.add, methods=["POST"]),
        Route("/api/jobs/{number:int}", jobs.show),
        Route("/api/jobs/{number:int}/file", jobs.file),
        Route("/api/jobs/{number:int}/cancel", jobs.cancel, methods=["POST"]),
    ]


class _Health:
    """For who watches over the server; tells nothing of its content."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def health(self, request: Any) -> Any:
        """Answer 200 when the database can be read."""
        await self._server.healthy()
        return answers.result(request, {"status": "ok"})

    async def metrics(self, _request: Any) -> Any:
        """Answer as Prometheus reads it."""
        from starlette.responses import Response

        body, kind = self._server.metrics.text(await self._server.jobs.counts())
        return Response(body, headers={"content-type": kind})


class _JobRoutes:
    """Jobs of a key; of all for one with the scope admin. Those of others are as if they did not exist."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._jobs = server.jobs

    async def add(self, request: Any) -> Any:
        """Store a job: `{"kind": ..., "request": {...}}`."""
        # Before the body is looked at: strangers learn nothing of kinds.
        key = self._server.require(request, "read")
        body = await answers.body_json(request)
        name, asked = body.get("kind"), body.get("request") or {}
        if not isinstance(name, str) or not isinstance(asked, dict) or body.keys() - {"kind", "request"}:
            raise RefusedError(400, "VALIDATION_ERROR", 'a job is {"kind": "evaluate", "request": {...}}')
        if name in self._jobs.kinds:
            self._server.require(request, self._jobs.kinds[name].scope)
        return answers.result(request, (await self._jobs.add(name, asked, key)).record(), 201)

    async def list(self, request: Any) -> Any:
        """List jobs, the latest first: `?before=ID&limit=N`."""
        key = self._server.require(request, "read")
        owner = None if key.may("admin") else key.number
        before, limit = _whole(request, "before", LARGEST), _whole(request, "limit", MOST_JOBS)
        found = await self._jobs.list(owner, before=before, limit=limit)
        return answers.result(request, {"jobs": [job.record() for job in found]})

    async def show(self, request: Any) -> Any:
        """Show a job; with `?wait=SECONDS` when it has ended, or after so long."""
        job = await self._own(request)
        if (wait_s := _seconds(request)) and not job.ended:
            job = await self._jobs.wait(job.number, wait_s) or job
        return answers.result(request, job.record())

    async def file(self, request: Any) -> Any:
        """Send the file that an export wrote."""
        from starlette.responses import FileResponse

        job = await self._own(request)
        name = job.result.get("file") if job.state == COMPLETED and job.kind == "export" else None
        path = None if name is None else exporting.folder_of(self._server.db) / name
        if path is None or not path.is_file():
            raise RefusedError(404, "NOT_FOUND", f"job {job.number} ({job.kind}, {job.state}) has no file")
        return FileResponse(path, filename=name)

    async def cancel(self, request: Any) -> Any:
        """End a job; one that has ended stays as it is."""
        job = await self._own(request)
        return answers.result(request, (await self._jobs.cancel(job.number) or job).record())

    async def _own(self, request: Any) -> Job:
        key = self._server.require(request, "read")
        job = await self._jobs.find(request.path_params["number"])
        if job is None or not (key.may("admin") or job.owner == key.number):
            raise RefusedError(404, "NOT_FOUND", f"there is no job {request.path_params['number']}")
        return job


def _whole(request: Any, name: str, most: int) -> int:
    """Return a whole number of the query, `most` where it is not given."""
    text = request.query_params.get(name, str(most))
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and 0 < int(text) <= most):  # noqa: PLR2004 - digits
        raise RefusedError(400, "VALIDATION_ERROR", f"{name} must be a whole number from 1 to {most}")
    return int(text)


def _seconds(request: Any) -> float:
    """Return how long a client would wait."""
    try:
        wait_s = float(request.query_params.get("wait", "0"))
    except ValueError:
        wait_s = math.nan
    if not 0 <= wait_s <= LONGEST_WAIT_S:
        raise RefusedError(400, "VALIDATION_ERROR", f"wait must be from 0 to {LONGEST_WAIT_S:.0f} seconds")
    return wait_s
