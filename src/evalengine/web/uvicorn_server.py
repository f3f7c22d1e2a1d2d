"""uvicorn's server, with our ready line, our end, and no patience for silent connections.

A module of its own, since it is imported with uvicorn only.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Callable, Iterator


_HEAD_S = 10.0  # until the head of a request is there; without it a byte an hour holds a connection


class PunctualProtocol(H11Protocol):  # type: ignore[misc] # the extra need not be there
    """A connection that is closed when no request comes on it, or only the beginning of one."""

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        self._timer: asyncio.TimerHandle | None = None
        super().connection_made(transport)
        self._wait()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._wait()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Leave the connection to the WebSocket's protocol."""
        self._wait_no_more()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._wait_no_more()
        self._timer = self.loop.call_later(_HEAD_S, self._give_up, self.cycle)

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _give_up(self, last: object) -> None:
        if self.cycle is last:  # else a request came, whose answer may take its time
            self.transport.close()


class EndingSocket(WebSocketsSansIOProtocol):  # type: ignore[misc] # the extra need not be there
    """A WebSocket whose connection ends after its route, also when its client takes nothing of what is left to send."""

    async def run_asgi(self) -> None:
        """Serve it; then give the client the time of a closing handshake."""
        await super().run_asgi()
        self.loop.call_later(self.close_timeout + 1, self.transport.abort)


class UvicornServer(uvicorn.Server):  # type: ignore[misc] # the extra need not be there
    """Says when it listens, and lets go of who waits before it waits for them.

    Args:
        release: called when the end begins; ready: called when the first request can be answered.
    """

    def __init__(self, config: uvicorn.Config, release: Callable[[], None], ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._release = release
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `tell`: uvicorn would send itself the signal again at the end, and die of it."""
        yield

    def tell(self) -> None:
        """Begin to end; at the second time, without waiting for requests."""
        self.force_exit: bool = self.should_exit
        self.should_exit: bool = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> Any:
        """End, whoever waits for a job first."""
        self._release()
        await super().shutdown(sockets)
