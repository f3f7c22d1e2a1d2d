"""The API of the published client `gertlabs`, on the server of evalengine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import evalengine

if TYPE_CHECKING:
    from collections.abc import Sequence


@evalengine.hookimpl
def evalengine_routes(server: evalengine.Server) -> Sequence[Any]:
    """List the routes below /api/v1."""
    from evalengine_gertlabs.routing import routes

    return routes(server)


@evalengine.hookimpl
def evalengine_jobs() -> Sequence[evalengine.JobKind]:
    """List the kinds of jobs: evaluations of submissions, builds of datasets, exports."""
    from evalengine_gertlabs.job_kinds import KINDS

    return KINDS
