"""Jobs as clients see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine_gertlabs import decisions, owners, replies, times, works

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.web.job_rows import Job
    from evalengine_gertlabs.api import Api

_POLL_S = 1.5  # clients ask every two seconds: a job that ends meanwhile is told at once
_ERRORS = {"failed": "JOB_FAILED", "cancelled": "CANCELLED"}


def routes(api: Api) -> Sequence[Any]:
    """Return the routes."""
    jobs = _Jobs(api)
    return [replies.route("/jobs/{id}", jobs.get), replies.route("/jobs/{id}/branch-scores", jobs.branch_scores)]


class _Jobs:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._works = works.Works(api)

    async def get(self, request: Any) -> Any:
        """Show a job; one that has not ended is waited for a moment."""
        asker = await owners.asker(self._api, request, "read")
        row = await self._works.find(asker, request.path_params["id"])
        job = await self._api.server.jobs.wait(row.job, _POLL_S)
        if job is None:
            what = f"job {request.path_params['id']!r}"
            raise replies.not_found(what)
        return replies.result(request, {"job": shown(job, row.kind)})

    async def branch_scores(self, request: Any) -> Any:
        """Show what a job's explorations say of each decision; nothing for a job of another kind."""
        asker = await owners.asker(self._api, request, "read")
        row = await self._works.find(asker, request.path_params["id"])
        found = await self._api.server.call(decisions.points, self._api.rows, self._api.server.db, row.ticket)
        told = {"job_id": request.path_params["id"], "branch_mode": "measure", "decision_points": found}
        return replies.result(request, told)


def shown(job: Job, kind: str) -> dict[str, Any]:
    """Return a job as clients see it; what an export's files are called on this machine is left out."""
    told = {
        "job_id": works.name_of(job.number),
        "type": kind,
        "status": job.state,
        "progress": round(job.progress, 4),
        "created_at": times.told(job.created),
        "started_at": times.told(job.started),
        "completed_at": times.told(job.finished),
    }
    if job.state == "completed":
        told["result"] = job.result
    if job.state in _ERRORS:
        told["error"] = _ERRORS[job.state]
        told["error_message"] = job.error or "it was cancelled"
    return told
