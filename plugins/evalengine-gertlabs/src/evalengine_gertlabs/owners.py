"""Whose a request is: what one has is everything that was made with any key of the same account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from evalengine.web.keys import Key
    from evalengine_gertlabs.api import Api


class Asker(NamedTuple):
    """Who asks.

    Attributes:
        key: that was shown; owner: a text by which what is theirs is stored.
    """

    key: Key
    owner: str

    def may_see(self, owner: str) -> bool:
        """Say whether something of `owner` exists for this one: its own, or anything for who administers."""
        return owner == self.owner or self.key.may("admin")


async def asker(api: Api, request: Any, scope: str) -> Asker:
    """Return who asks, with a key that holds a scope.

    Raises:
        RefusedError: 401 without a key, 403 without the scope.
    """
    key = api.server.require(request, scope)
    return Asker(key, await _owner(api, key))


async def reader(api: Api, request: Any) -> Asker:
    """Return who asks to look at something, for which a key that may play is enough, too.

    Raises:
        RefusedError: 401 without a key, 403 without a scope.
    """
    key = api.server.key(request)
    return await asker(api, request, "play" if key is not None and key.may("play") else "read")


async def _owner(api: Api, key: Key) -> str:
    """Return whose a key is: its account's, or its own, which `evalengine keys create` made."""
    if key.number not in api.owners:
        rows = await api.read("select account from gert_account_key where key = ?", key.number)
        api.owners[key.number] = f"account-{rows[0][0]}" if rows else f"key-{key.number}"
    return api.owners[key.number]
