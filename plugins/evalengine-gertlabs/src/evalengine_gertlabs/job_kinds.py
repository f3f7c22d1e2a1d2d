"""The kinds of jobs that this API adds to the server's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine import JobKind
from evalengine_gertlabs.works import KIND

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_TICKET: Mapping[str, Mapping[str, Any]] = {
    "ticket": {"type": "string", "description": "what the routes below /api/v1 made of a request"}
}


def _kind(name: str, function: str, doc: str) -> JobKind:
    home = "evalengine_gertlabs"
    check = f"{home}.evaluating:check"
    return JobKind(name=KIND + name, factory=f"{home}.{function}", doc=doc, parameters=_TICKET, check=check)


KINDS: list[JobKind] = [
    _kind("generation", "generating:generate", "A submission written by a provider."),
    _kind("evaluation", "evaluating:evaluate", "Submissions in matches against opponents."),
    _kind("export", "exporting:export", "Rows of what an account has, as files."),
    _kind("build", "building:build", "A dataset: agents written and evaluated, or decisions explored."),
]
