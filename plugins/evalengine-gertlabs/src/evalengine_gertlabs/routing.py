"""All routes, below /api/v1, by the module that answers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine_gertlabs import (
    accounts,
    billing,
    builds,
    describing,
    exports,
    games,
    jobs,
    listing,
    play,
    sessions,
    submissions,
    works,
)
from evalengine_gertlabs.api import Api
from evalengine_gertlabs.rollouts import routes as rollouts
from evalengine_gertlabs.tables import TABLES
from evalengine_gertlabs.tasks import routes as tasks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import Server

BASE = "/api/v1"


def routes(server: Server) -> Sequence[Any]:
    """Return the routes; the tables that they need are made before the first request."""
    from starlette.routing import Mount, Router

    api = Api(server)

    async def begin() -> None:
        await server.call(server.rows.together, TABLES.make)
        await server.call(server.rows.together, works.clear)

    server.on_start(begin)
    describing.describe(server, BASE)
    parts: list[Any] = [
        accounts,
        games,
        play,
        sessions,
        rollouts,
        tasks,
        listing,
        billing,
        submissions,
        jobs,
        exports,
        builds,
    ]
    # Clients follow no redirect and take one for an empty answer: a path with a slash too many is not found.
    router = Router([route for part in parts for route in part.routes(api)], redirect_slashes=False)
    return [Mount(BASE, app=router)]
