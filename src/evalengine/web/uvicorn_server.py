"""uvicorn's server, with our ready line and our end; a module of its own, since it is imported with uvicorn only."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator


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
