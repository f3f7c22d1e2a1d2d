"""What every route is given: the server, and who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine_gertlabs import settings
from evalengine_gertlabs.catalog import Catalog
from evalengine_gertlabs.providers import Providers

if TYPE_CHECKING:
    from evalengine import Server


class Api:
    """The server as the routes of this API see it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.live = server.live
        self.rows = server.rows
        self.options = settings.read()
        self.providers = Providers(self.options)
        self.catalog = Catalog(server.plugins)
        self.owners: dict[int, str] = {}  # by the number of a key, which never changes hands

    async def read(self, sql: str, *values: Any) -> list[Any]:
        """Return the rows of a select."""
        return list(await self.server.call(self.rows.read, sql, *values))

    async def change(self, sql: str, *values: Any) -> Any:
        """Run one statement that writes; the cursor has `lastrowid` and `rowcount`."""
        return await self.server.call(self.rows.change, sql, *values)
