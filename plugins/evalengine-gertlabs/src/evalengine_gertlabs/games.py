"""Games and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine_gertlabs import catalog, fields, owners, paging, replies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine_gertlabs.api import Api


def routes(api: Api) -> Sequence[Any]:
    """Return the routes."""
    games = _Games(api)
    return [
        replies.route("/games", games.list),
        replies.route("/games/{slug}", games.show),
        replies.route("/tags", games.tags),
    ]


class _Games:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def list(self, request: Any) -> Any:
        """List games by slug: `?tag=`, of which a game has all that are given."""
        await owners.reader(self._api, request)
        tags = fields.of_query(request).texts("tag", [])
        page = paging.page(request, "games", str)
        (after,) = page.after or ("",)
        specs = [spec for spec in self._api.catalog.tagged(tags) if catalog.slug(spec) > after]
        return paging.reply(
            request, page, specs[: page.read], lambda spec: (catalog.slug(spec),), self._api.catalog.record
        )

    async def show(self, request: Any) -> Any:
        """Show a game with the prompt that a model plays it by."""
        await owners.reader(self._api, request)
        spec = self._api.catalog.find(request.path_params["slug"])
        return replies.result(request, await self._api.server.call(self._api.catalog.whole_record, spec))

    async def tags(self, request: Any) -> Any:
        """List tags: `?active=true` with how many games have each."""
        await owners.reader(self._api, request)
        active = fields.of_query(request).flag("active", default=False)
        return replies.result(request, self._api.catalog.tags(counted=active))
