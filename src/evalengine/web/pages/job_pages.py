"""Jobs: the list, one with its progress and result, and the button that ends it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from evalengine.web.pages import forms
from evalengine.web.pages.addresses import link
from evalengine.web.pages.site import MissingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.web.job_rows import Job
    from evalengine.web.pages.site import Site
    from evalengine.web.pages.visitors import Visitor

_EACH = 50
_LARGEST = 1 << 62
_LONGEST = 100_000  # characters of a result
_MOST_ASKED = 120  # characters of a request in the list
_RUNS = "evaluate"  # the kind of job that plays a run


class JobPages:
    """Answers for all of it. Who came with a key sees its own jobs."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._jobs = site.server.jobs

    def routes(self) -> Sequence[Any]:
        """Return the routes."""
        from starlette.routing import Route

        return [
            Route("/jobs", self._site.answering(("read",), self.list)),
            Route("/jobs/{number:int}", self._site.answering(("read",), self.show)),
            Route("/jobs/{number:int}/cancel", self._site.answering(("read",), self.cancel), methods=["POST"]),
        ]

    async def list(self, request: Any, visitor: Visitor) -> Any:
        """List jobs, the latest first."""
        before = forms.whole(request.query_params.get("before", ""), _LARGEST) or _LARGEST
        found = await self._jobs.list(visitor.owner, before=before, limit=_EACH + 1)
        more = found[_EACH - 1].number if len(found) > _EACH else None
        going = any(not job.ended for job in found)
        return self._site.page("jobs", "jobs", visitor, jobs=found[:_EACH], more=more, going=going, asked=_asked)

    async def show(self, request: Any, visitor: Visitor) -> Any:
        """Show a job."""
        job = await self._own(request, visitor)
        result = "" if job.result is None else json.dumps(job.result, indent=2, ensure_ascii=False)[:_LONGEST]
        return self._site.page(
            "job", "jobs", visitor, job=job, result=result, run=_run(job), looks=visitor.may("pages"),
            asked=json.dumps(job.request, indent=2, ensure_ascii=False)[:_LONGEST],
        )  # fmt: skip

    async def cancel(self, request: Any, visitor: Visitor) -> Any:
        """End a job."""
        from starlette.responses import RedirectResponse

        job = await self._own(request, visitor)
        await self._jobs.cancel(job.number)
        return RedirectResponse(link("job", job.number), 303)

    async def _own(self, request: Any, visitor: Visitor) -> Job:
        number = request.path_params["number"]
        job = await self._jobs.find(number) if number <= _LARGEST else None
        if job is None or visitor.owner not in (None, job.owner):
            raise MissingError(number, "job", "Those there are stand under Jobs.")
        found: Job = job
        return found


def _run(job: Job) -> int | None:
    """Return the run that a job plays or made: what it keeps tells of it before there is a result."""
    told = job.result if isinstance(job.result, dict) else job.kept if job.kind == _RUNS else {}
    run = told.get("run")
    return run if isinstance(run, int) else None


def _asked(job: Job) -> str:
    """Return in a line what a job was asked for."""
    request = job.request
    if job.kind == _RUNS:
        agents = [*request.get("agents", ()), request.get("opponents", "")]
        text = f"{request.get('games', '')}: {', '.join(filter(None, agents))}"
    else:
        text = json.dumps({name: value for name, value in request.items() if value}, ensure_ascii=False).strip("{}")
    return text if len(text) <= _MOST_ASKED else f"{text[:_MOST_ASKED]}…"
