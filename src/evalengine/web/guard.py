"""What every request passes before any route sees it: names, origins, keys, rates, sizes; and what every answer bears.

Plain ASGI, so that it holds for HTTP and WebSockets alike, for the routes of plugins, and when they crash.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from evalengine.web import answers, lines
from evalengine.web.answers import RefusedError

if TYPE_CHECKING:
    from evalengine.web.hosts import Hosts
    from evalengine.web.keys import Key
    from evalengine.web.metrics import Metrics
    from evalengine.web.rates import Rates

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_BYTES = 4 << 20
_DRAINED = 64 << 20  # bytes of a refused body that are read all the same
_DRAIN_S = 5.0
_BODY_S = 60.0  # until a body is there
_PATIENCE_S = 0.25  # that a request too many waits: who asks one thing after another is slowed down, not refused
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with "no-referrer" browsers hide the origin of our own forms
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """The application with its guard before it.

    Args:
        find_key: returns the key that a text is, in its own time; body_bytes: the limit of a path.
    """

    def __init__(
        self,
        app: App,
        *,
        hosts: Hosts,
        rates: Rates,
        find_key: Callable[[str], Awaitable[Key | None]],
        body_bytes: Callable[[str], int],
        metrics: Metrics,
        verbose: bool,
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._rates = rates
        self._find_key = find_key
        self._body_bytes = body_bytes
        self._metrics = metrics
        self._verbose = verbose

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, one WebSocket or the lifespan."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send)
        began = time.monotonic()
        try:
            await self._pass(exchange)
        finally:
            seconds = time.monotonic() - began
            method = scope["method"] if exchange.is_http else "WEBSOCKET"
            self._metrics.answered(method, exchange.status, seconds)
            if self._verbose:
                lines.log(f"{exchange.id} {method} {scope['path']} {exchange.status} {seconds:.3f} s")

    async def _pass(self, exchange: _Exchange) -> None:
        try:
            await self._check(exchange)
        except RefusedError as error:
            self._metrics.refused(error.code)
            await exchange.refuse(error)
            return
        except Exception as error:  # noqa: BLE001 - the border: a database that cannot be read
            await self._failed(exchange, error)
            return
        if not exchange.is_http:
            self._metrics.websockets.inc()
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        except Exception as error:  # noqa: BLE001 - the border: routes may be anybody's
            await self._failed(exchange, error)
        finally:
            if not exchange.is_http:
                self._metrics.websockets.dec()

    async def _failed(self, exchange: _Exchange, error: Exception) -> None:
        """Tell a client no more than a number by which the log can be searched."""
        if _is_farewell(error):
            return
        refused = answers.as_refused(error)
        if refused is None or refused.status >= 500:  # noqa: PLR2004 - the server's own
            lines.log(f"request {exchange.id} failed: {lines.crash(error)}")
        await exchange.refuse(refused or answers.mistake())

    # ---------------------------------------------------------------------------------- checks

    async def _check(self, exchange: _Exchange) -> None:
        """Refuse what no route shall see.

        Raises:
            RefusedError: the answer.
        """
        scope = exchange.scope
        hosts = exchange.headers(b"host")
        own = (scope.get("server") or ("", 0))[0]
        if len(hosts) != 1 or not self._hosts.knows(hosts[0], own):
            raise RefusedError(421, "UNKNOWN_HOST", "this server is not called so: start it with --allow-host NAME")
        origins = exchange.headers(b"origin")
        changes = not exchange.is_http or scope["method"] not in _READS
        if changes and not all(self._hosts.trusts(origin, hosts[0]) for origin in origins):
            raise RefusedError(403, "FOREIGN_ORIGIN", "pages of other sites may not ask this")
        key = await self._key(exchange)
        scope.setdefault("state", {})["key"] = key
        # A forged key counts for its address: else each new one would have a bucket of its own.
        who = ("key", key.number) if key else ("address", (scope.get("client") or ("",))[0])
        wait_s = self._rates.wait_s(who, _PATIENCE_S)
        if wait_s > _PATIENCE_S:
            retry = {"retry-after": str(int(wait_s) + 1)}
            raise RefusedError(429, "RATE_LIMITED", f"too many requests: wait {wait_s:.1f} s", headers=retry)
        if wait_s:
            await asyncio.sleep(wait_s)
        exchange.limit_body(self._body_bytes(scope["path"]))

    async def _key(self, exchange: _Exchange) -> Key | None:
        """Return the key that a request shows; None: none, a forged or a revoked one. Routes ask for scopes."""
        shown = exchange.headers(b"x-api-key")
        for text in exchange.headers(b"authorization"):
            kind, _, rest = text.partition(" ")
            if kind.lower() == "bearer":
                shown.append(rest.strip())
        return await self._find_key(shown[0]) if len(shown) == 1 else None


class _Exchange:
    """One request or WebSocket with its answer: what was sent of it, how large it may be.

    Attributes:
        id: of the request; status: of the answer, 101 for a WebSocket that was accepted, 0: none yet.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.is_http = scope["type"] == "http"
        self.id = secrets.token_hex(8)
        self.status = 0
        scope.setdefault("state", {})["request_id"] = self.id
        self._receive = receive
        self._send = send
        self._complete = False
        self._left = BODY_BYTES
        self._until = 0.0  # when the body must be there; 0: it is
        self._limit = BODY_BYTES
        self._cut = False  # the connection ends with the answer: what is left of the body is not read

    def headers(self, name: bytes) -> list[str]:
        """Return the values of a header, each time that it was sent."""
        return [value.decode("latin-1") for key, value in self.scope["headers"] if key == name]

    def limit_body(self, most_bytes: int) -> None:
        """Refuse a body that is, or turns out to be, larger.

        Raises:
            RefusedError: it says so itself.
        """
        self._left = self._limit = most_bytes
        self._until = time.monotonic() + _BODY_S if self.is_http else 0.0
        for length in self.headers(b"content-length"):
            if length.isdecimal() and int(length[:20]) > most_bytes:
                raise self._too_large()

    def _too_large(self) -> RefusedError:
        return RefusedError(413, "BODY_TOO_LARGE", f"the body may have {self._limit} bytes")

    async def receive(self) -> Message:
        """Return the next message, its part of the body counted."""
        if not self._until:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, self._until - time.monotonic()))
        except TimeoutError:
            raise RefusedError(408, "BODY_TOO_SLOW", f"the body was not there after {_BODY_S:.0f} s") from None
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            await self._drain(message)
            raise self._too_large()
        if not message.get("more_body", False):
            self._until = 0.0
        return message

    async def _drain(self, message: Message) -> None:
        """Read and drop the rest of a body that is too large: who still writes does not see our answer.

        One that does not end soon is cut off after the answer.
        """
        left, until = _DRAINED, time.monotonic() + _DRAIN_S
        while message.get("more_body", False) and left > 0 and self._until:
            try:
                message = await asyncio.wait_for(self._receive(), max(0.0, until - time.monotonic()))
            except TimeoutError:
                break
            left -= len(message.get("body", b""))
        self._until = 0.0
        self._cut = bool(message.get("more_body", False))

    async def send(self, message: Message) -> None:
        """Send a message of the answer, with the headers of all."""
        kind = message["type"]
        if kind in {"http.response.start", "websocket.http.response.start"}:
            self.status = message["status"]
            message = {**message, "headers": self._with_ours(message.get("headers", ()))}
        elif kind == "websocket.accept":
            self.status = 101
        elif kind == "websocket.close" and not self.status:
            self.status = 403
        elif kind in {"http.response.body", "websocket.http.response.body"}:
            self._complete = not message.get("more_body", False)
        await self._send(message)

    def _with_ours(self, headers: Any) -> list[tuple[bytes, bytes]]:
        there = {bytes(name).lower() for name, _ in headers}
        ours = {**_HEADERS, "x-request-id": self.id, **({"connection": "close"} if self._cut else {})}
        more = [(name.encode(), value.encode()) for name, value in ours.items() if name.encode() not in there]
        return [*((bytes(name), bytes(value)) for name, value in headers), *more]

    async def refuse(self, error: RefusedError) -> None:
        """Answer with an error, as far as an answer is still possible."""
        if self._complete:
            return
        if self.status == 101:  # noqa: PLR2004 - switched to WebSocket
            await self._quietly({"type": "websocket.close", "code": 1011 if error.status >= 500 else 1008})  # noqa: PLR2004
            return
        if self.status:
            raise error  # half an answer was sent: the connection is cut, or it would look like a whole one
        accept = ",".join(self.headers(b"accept"))
        body, headers = answers.refusal(error, self.id, accept)
        self._cut |= self._has_long_body()
        headers["content-length"] = str(len(body))
        kind = "http" if self.is_http else "websocket.http"
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._quietly({"type": f"{kind}.response.start", "status": error.status, "headers": raw})
        await self._quietly({"type": f"{kind}.response.body", "body": body})

    def _has_long_body(self) -> bool:
        lengths = self.headers(b"content-length")
        return bool(self.headers(b"transfer-encoding")) or any(
            text.isdecimal() and int(text[:20]) > _DRAINED for text in lengths
        )

    async def _quietly(self, message: Message) -> None:
        try:
            await self.send(message)
        except OSError:  # the client is gone
            self._complete = True


def _is_farewell(error: Exception) -> bool:
    """Say whether a client went away in the middle, which is nobody's mistake."""
    return type(error).__name__ in {"ClientDisconnect", "ClientDisconnected", "WebSocketDisconnect"}
