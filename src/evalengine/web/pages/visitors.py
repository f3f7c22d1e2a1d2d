"""Who looks at pages: a person at this machine, or somebody who has shown a key or entered one.

A person at this machine needs none. That is whoever connects from a loopback address, asks for a loopback name, and
comes through no proxy that says so; with a trusted proxy, or with --login, nobody is.
A key that was entered becomes a cookie: a random number, of which the server remembers in memory whose key it is.
The same cookie knows its browser again, so that who plays at this machine has their seats also after a restart.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine.web.answers import RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.web.house import Server
    from evalengine.web.keys import Key

COOKIE = "evalengine"
LOCAL = frozenset({"pages", "play", "read", "run"})  # what a person at this machine may
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
_SESSION_S = 30 * 86_400.0
_MOST = 10_000  # sessions; the oldest goes
_LONGEST = 100  # characters of a cookie


class Visitor(NamedTuple):
    """Who looks.

    Attributes:
        name: of the key, "" for a person at this machine; scopes: what they may;
        holder: by which seats of live matches are theirs, "" until they have a cookie or a key;
        owner: whose jobs they see, None: all.
    """

    name: str
    scopes: frozenset[str]
    holder: str
    owner: int | None

    def may(self, scope: str) -> bool:
        """Say whether they hold a scope; "admin" holds all."""
        return bool(self.scopes & {scope, "admin"})


class Visitors:
    """Knows them.

    Args:
        local: whether a person at this machine needs no key.
    """

    def __init__(self, server: Server, *, local: bool) -> None:
        self._server = server
        self._local = local
        self._sessions: OrderedDict[bytes, tuple[int, float]] = OrderedDict()  # key's number, until when

    async def of(self, request: Any) -> Visitor | None:
        """Return who asks, None for somebody who must enter a key."""
        key = self._server.key(request) or await self._entered(request)
        if key is not None:
            owner = None if key.may("admin") else key.number
            return Visitor(key.name, key.scopes, f"page-key:{key.number}", owner)
        return Visitor("", LOCAL, _holder(_cookie(request)), None) if self._is_local(request) else None

    async def require(self, request: Any, scopes: Sequence[str]) -> Visitor:
        """Return who asks, if they hold one of the scopes.

        Raises:
            RefusedError: 401 when they must enter a key, 403 when theirs lacks the scope.
        """
        visitor = await self.of(request)
        if visitor is None:
            raise RefusedError(401, "UNAUTHORIZED", "a key is needed here", headers={"www-authenticate": "Bearer"})
        if not any(map(visitor.may, scopes)):
            told = f"the key {visitor.name!r} lacks {scopes[0]!r}: evalengine keys create NAME --scope {scopes[0]}"
            raise RefusedError(403, "FORBIDDEN", told)
        return visitor

    def enter(self, key: Key) -> str:
        """Return the cookie of a new session of a key."""
        cookie = secrets.token_urlsafe(32)
        self._sessions[_digest(cookie)] = key.number, time.monotonic() + _SESSION_S
        if len(self._sessions) > _MOST:
            self._sessions.popitem(last=False)
        return cookie

    def leave(self, request: Any) -> None:
        """End the session of a request."""
        self._sessions.pop(_digest(_cookie(request)), None)

    def known(self, visitor: Visitor) -> tuple[Visitor, str]:
        """Return a visitor who can hold seats, and the cookie to give them, "" when none is needed."""
        if visitor.holder:
            return visitor, ""
        cookie = secrets.token_urlsafe(32)
        return visitor._replace(holder=_holder(cookie)), cookie

    async def _entered(self, request: Any) -> Key | None:
        number, until = self._sessions.get(_digest(_cookie(request)), (0, 0.0))
        if until < time.monotonic():
            return None
        found: Key | None = await self._server.call(self._server.keys.numbered, number)  # None: revoked since
        return found

    def _is_local(self, request: Any) -> bool:
        asked = re.sub(r":\d+$", "", request.headers.get("host", ""))
        near = request.client is not None and _is_loopback(request.client.host)
        return self._local and near and _is_loopback(asked) and not any(name in request.headers for name in _FORWARDED)


def give(response: Any, cookie: str, *, secure: bool) -> Any:
    """Return a response that gives a browser its cookie."""
    if cookie:
        response.set_cookie(
            COOKIE, cookie, max_age=int(_SESSION_S), path="/", httponly=True, samesite="strict", secure=secure
        )
    return response


def _cookie(request: Any) -> str:
    found = str(request.cookies.get(COOKIE, ""))
    return found if len(found) <= _LONGEST else ""


def _digest(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode("utf-8", "surrogateescape")).digest()


def _holder(cookie: str) -> str:
    """Return what stands for a browser where seats are stored: nothing by which it could be imitated."""
    return f"page:{_digest('holder ' + cookie).hex()[:32]}" if cookie else ""


def _is_loopback(name: str) -> bool:
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
