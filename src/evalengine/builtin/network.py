"""POST over HTTP for agents that wait: one pool of connections a process, one deadline over a whole exchange."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import http.cookiejar
import threading
from typing import TYPE_CHECKING, NamedTuple

from evalengine import FaultKind

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    import httpx

_SPARE_S = 5.0  # for the loop to notice a deadline; it never needs them unless the machine stands still
_KEEP_S = 2.0  # idle connections: less than servers keep them, which would else close one under a question


class NetworkError(Exception):
    """No usable reply; `kind` is the FaultKind that it is to an agent, `sent` whether the server may have heard."""

    def __init__(self, kind: FaultKind, text: str, *, sent: bool = True) -> None:
        super().__init__(text)
        self.kind, self.sent = kind, sent


class Reply(NamedTuple):
    """What a server answered, whatever its status."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes


class Network:
    """Connections of this process, kept alive between questions and matches.

    An event loop in a thread of its own: only a cancelled task holds one deadline over name look-up, connection,
    headers and a body that drips.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._client: httpx.AsyncClient | None = None
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, limit_s: float, most_bytes: int) -> Reply:
        """Return the reply to JSON; redirects are not followed, cookies not kept.

        Raises:
            NetworkError: it did not come whole within `limit_s`, or has more than `most_bytes`.
        """
        return self._wait(self._post(url, body, headers, limit_s, most_bytes), limit_s + _SPARE_S)

    def _wait(self, work: Coroutine[None, None, Reply], limit_s: float) -> Reply:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(limit_s)
        except concurrent.futures.TimeoutError:
            future.cancel()
            raise NetworkError(FaultKind.TIMEOUT, "no whole answer in time") from None

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str], limit_s: float, most_bytes: int) -> Reply:
        import httpx

        # Not compressed: what is counted is what was sent, and nothing unpacks to a thousand times its size.
        headers = {"content-type": "application/json", "accept-encoding": "identity", **headers}
        try:
            async with (
                asyncio.timeout(limit_s),
                self._opened().stream("POST", url, content=body, headers=headers) as response,
            ):
                return Reply(response.status_code, dict(response.headers), await _body(response, most_bytes))
        except TimeoutError:
            raise NetworkError(FaultKind.TIMEOUT, f"no whole answer within {limit_s:.2f} s") from None
        except httpx.ConnectError as error:
            raise NetworkError(FaultKind.CRASH, f"no connection: {_told(error)}", sent=False) from None
        except httpx.HTTPError as error:
            raise NetworkError(FaultKind.PROTOCOL, f"the connection broke: {_told(error)}") from None
        except (httpx.InvalidURL, ValueError, OSError) as error:
            raise NetworkError(FaultKind.CRASH, f"cannot be asked: {_told(error)}", sent=False) from None

    def _opened(self) -> httpx.AsyncClient:
        import httpx

        if self._client is None:
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=_KEEP_S)
            jar = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
            self._client = httpx.AsyncClient(follow_redirects=False, timeout=None, limits=limits, cookies=jar)  # noqa: S113 - one deadline over all instead, see post()
        return self._client


async def _body(response: httpx.Response, most_bytes: int) -> bytes:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise NetworkError(FaultKind.PROTOCOL, "a compressed answer, which was not asked for")
    found = bytearray()
    async for chunk in response.aiter_raw():
        found += chunk
        if len(found) > most_bytes:
            raise NetworkError(FaultKind.PROTOCOL, f"an answer of more than {most_bytes} bytes")
    return bytes(found)


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__


@functools.cache
def network() -> Network:
    """Return this process's connections, made when first asked for."""
    return Network()
