"""The server as routes see it: keys, jobs, the database's file, its start and end."""

from __future__ import annotations

import asyncio
import contextlib
import math
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from evalengine import references
from evalengine.errors import EvalengineError, PluginError
from evalengine.live.matches import LiveMatches
from evalengine.web import exporting, guard, lines
from evalengine.web.answers import RefusedError
from evalengine.web.keys import Keys
from evalengine.web.metrics import Metrics
from evalengine.web.rows import Rows
from evalengine.web.running import Jobs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from evalengine.plugins import Plugins
    from evalengine.web.keys import Key
    from evalengine.web.openapi import Described


_TIDY_S = 3_600.0


class Server:
    """What a plugin's routes are given. Provisional: it may change until version 1.

    Attributes:
        db: the database's file; plugins: what is installed; keys: made, looked up, revoked (from threads: `call`);
        rows: the database itself (from threads, too), also for tables of a plugin's own, which it makes in `on_start`;
        jobs: added, waited for, cancelled, and live: matches with remote seats (both from the event loop); metrics;
        described: operations of plugins for `/api/openapi.json`, see `describe`;
        keep_s: for how long what has ended is kept, inf: for good; plugins keep to it, too;
        closing: set when the server is to end: whoever waits for long, or holds a WebSocket, waits for this, too.
    """

    def __init__(
        self, db: Path, plugs: Plugins, wanted: Sequence[str] = (), jobs_at_once: int = 1, keep_s: float = math.inf
    ) -> None:
        self.db = db
        self.plugins = plugs
        self.rows = Rows(db)
        self.keys = Keys(self.rows)
        self.jobs = Jobs(self.rows, plugs, wanted, jobs_at_once)
        self.live = LiveMatches(db, plugs)
        self.metrics = Metrics()
        self.keep_s = keep_s
        self.closing = asyncio.Event()
        self._starts: list[Callable[[], Awaitable[None]]] = []
        self._stops: list[Callable[[], Awaitable[None]]] = []
        self._bodies: dict[str, int] = {}  # by the path's beginning
        self.described: Described = {}

    # ---------------------------------------------------------------------------- for routes

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function returns that may take long, a database's for one, called in a thread."""
        return await asyncio.to_thread(function, *arguments)

    def key(self, request: Any) -> Key | None:
        """Return the key that a request or WebSocket showed; None: none, a forged or a revoked one."""
        found: Key | None = request.state.key
        return found

    def require(self, request: Any, scope: str) -> Key:
        """Return the key of a request that holds a scope.

        Raises:
            RefusedError: 401 without a key, 403 without the scope.
        """
        key = self.key(request)
        if key is None:
            told = "a key is needed: evalengine keys create makes one, X-API-Key or Authorization: Bearer show it"
            raise RefusedError(401, "UNAUTHORIZED", told, headers={"www-authenticate": "Bearer"})
        if not key.may(scope):
            raise RefusedError(403, "FORBIDDEN", f"this key lacks the scope {scope!r}")
        return key

    def allow_body(self, prefix: str, most_bytes: int) -> None:
        """Let bodies of requests below a path be larger, or smaller, than the usual 4 MiB."""
        self._bodies[prefix] = most_bytes

    def describe(self, path: str, method: str, description: Mapping[str, Any]) -> None:
        """Describe a route in `/api/openapi.json`.

        Args:
            path: with its parameters in braces; description: an operation object of OpenAPI 3.1.
        """
        self.described[path, method.lower()] = description

    def on_start(self, function: Callable[[], Awaitable[None]]) -> None:
        """Have something done in the event loop before the first request."""
        self._starts.append(function)

    def on_stop(self, function: Callable[[], Awaitable[None]]) -> None:
        """Have something done after the last request."""
        self._stops.append(function)

    def log(self, text: str) -> None:
        """Write a line into the server's log; control characters are replaced."""
        lines.log(text)

    async def healthy(self) -> bool:
        """Say whether the database answers."""
        return bool(await self.call(self.rows.read, "select 1"))

    # ----------------------------------------------------------------- for those who run it

    def body_bytes(self, path: str) -> int:
        """Return how large the body of a request may be."""
        fitting = [prefix for prefix in self._bodies if path.startswith(prefix)]
        return self._bodies[max(fitting, key=len)] if fitting else guard.BODY_BYTES

    @contextlib.asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        """Begin with the jobs and what plugins begin with; end both.

        Raises:
            PluginError: what a plugin begins with failed.
        """
        try:
            async with self.live:
                try:
                    for start in self._starts:
                        await _begun(start)
                    await self.jobs.start()
                    tidying = asyncio.create_task(self._tidy())
                    try:
                        yield
                    finally:
                        tidying.cancel()
                finally:
                    self.close()
                    for stop in (*reversed(self._stops), self.jobs.stop):
                        await stop()
        finally:
            self.rows.close()

    async def _tidy(self) -> None:
        """Remove what has ended long ago, now and then."""
        while self.keep_s < math.inf:
            try:
                jobs, matches = await self.jobs.forget(self.keep_s), await self.live.forget(self.keep_s)
                await self.call(exporting.forget, self.db, time.time() - self.keep_s)
                if jobs or matches:
                    self.log(f"{jobs} jobs and {matches} live matches ended long ago: forgotten")
            except (EvalengineError, sqlite3.Error) as error:  # a full or busy disk
                self.log(f"what ended long ago stays: {error}")
            await asyncio.sleep(_TIDY_S)

    def close(self) -> None:
        """Let go of all who wait: the server is to end."""
        self.closing.set()
        self.jobs.release()


async def _begun(start: Callable[[], Awaitable[None]]) -> None:
    try:
        await start()
    except Exception as error:
        where = getattr(start, "__module__", "a plugin")
        msg = (
            f"{where} failed at the server's start: {references.one_line(error)}. Switch the plugin off with -p no:NAME"
        )
        raise PluginError(msg) from error
