"""The providers, as clients list them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine_gertlabs import owners, replies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine_gertlabs.api import Api


def routes(api: Api) -> Sequence[Any]:
    """Return the routes."""

    async def providers(request: Any) -> Any:
        await owners.asker(api, request, "read")
        return replies.result(request, [provider.record() for provider in api.providers.all()])

    return [replies.route("/org/providers", providers)]
