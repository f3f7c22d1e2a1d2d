"""The processes that play live matches, as the one that serves them sees it: started, told, heard, started again."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from evalengine import wire
from evalengine.live.hosting import LENGTH
from evalengine.live.messages import BEAT

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_log = logging.getLogger(__name__)
_BEAT_S = 1.0  # between two signs of life of a process
_START_S = 60.0  # for its imports
_NICE = 5


class Hosts:
    """Twice `number` processes; those of the second half, for agents that compute for long, yield to all others.

    Args:
        hear: is called with each message of a match, as `messages` has them;
        mourn: with the number of a process that died; a new one stands in its place already;
        hung_s: after which a process that says nothing is killed: something in it keeps all its threads waiting.
    """

    def __init__(
        self, number: int, hear: Callable[[list[Any]], None], mourn: Callable[[int], None], hung_s: float
    ) -> None:
        self._hear = hear
        self._mourn = mourn
        self._hung_s = hung_s
        self._beat_s = min(_BEAT_S, hung_s / 4)
        self._hosts: dict[int, _Process] = {}
        self._nice = [0] * number + [_NICE] * number
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending = False

    async def start(self) -> None:
        """Start all processes."""
        await asyncio.gather(*map(self._begin, range(len(self._nice))))
        self._go_on(self._watch())

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes."""
        return [host.process.pid for _, host in sorted(self._hosts.items())]

    def tell(self, host_no: int, play_no: int, verb: str, what: Any) -> None:
        """Tell a process of a match; if it is dead, `mourn` will be called."""
        data = pickle.dumps((play_no, verb, what))
        self._hosts[host_no].write(LENGTH.pack(len(data)) + data)

    def kill(self, host_no: int) -> None:
        """End a process that does not end by itself; `mourn` will be called."""
        self._hosts[host_no].process.kill()

    async def stop(self) -> None:
        """End all processes; what they were about to do is done when the matches are opened again."""
        self._ending = True
        for host in self._hosts.values():
            host.process.kill()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for host in self._hosts.values():
            host.end()

    async def _begin(self, number: int) -> None:
        host = _Process(self._nice[number], self._beat_s, self._hear, lambda: self._died(number))
        await host.connect()
        # What was told to one that had died meanwhile is lost with it: whoever told it is among those who mourn.
        self._hosts[number] = host

    def _died(self, number: int) -> None:
        if not self._ending:
            self._go_on(self._replace(number))

    async def _replace(self, number: int) -> None:
        await self._begin(number)
        self._mourn(number)

    def _go_on(self, doing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self) -> None:
        """Kill processes of which nothing is heard."""
        looked_s = time.monotonic()
        while True:
            await asyncio.sleep(self._beat_s)
            now, since_s = time.monotonic(), looked_s
            looked_s = now
            for number, host in self._hosts.items():
                if now - since_s > self._hung_s / 2:  # we were stopped ourselves: nobody could be heard
                    host.heard_s = now
                elif now - host.heard_s > self._hung_s:
                    _log.warning("a process that plays live matches said nothing for %g s: it is killed", self._hung_s)
                    self.kill(number)


class _Process(asyncio.Protocol):
    """One of them, and our end of its connection."""

    def __init__(self, nice: int, beat_s: float, hear: Callable[[list[Any]], None], died: Callable[[], None]) -> None:
        self.heard_s = time.monotonic() + _START_S
        self._hear = hear
        self._died = died
        self._told: list[bytes] = []  # frames to it
        self._rest = b""  # of what it said: a part of a frame
        self._ours, theirs = socket.socketpair()
        imports = f"import sys; sys.path[:] = {sys.path!r}; from evalengine.live.hosting import main"
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-c", f"{imports}; main({theirs.fileno()}, {nice}, {beat_s})"],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # a terminal's Ctrl-C is the server's alone
                env={**os.environ, "PYTHONHASHSEED": "0"},
            )

    async def connect(self) -> None:
        self._transport, _ = await asyncio.get_running_loop().create_connection(lambda: self, sock=self._ours)

    def write(self, frame: bytes) -> None:
        """Write all frames of one round of the loop at once: each that wakes the process costs as much as an answer."""
        if not self._told:
            asyncio.get_running_loop().call_soon(self._flush)
        self._told.append(frame)

    def _flush(self) -> None:
        frames, self._told = self._told, []
        self._transport.write(b"".join(frames))

    def data_received(self, data: bytes) -> None:
        """Hear all whole frames."""
        self.heard_s = time.monotonic()
        data, at = self._rest + data, 0
        while at + LENGTH.size <= len(data):
            end = at + LENGTH.size + LENGTH.unpack_from(data, at)[0]
            if end > len(data):
                break
            message = wire.unpack(data[at + LENGTH.size : end])
            at = end
            if message[1] != BEAT:
                self._hear(message)
        self._rest = data[at:]

    def connection_lost(self, _error: Exception | None) -> None:
        """Note that it has died, or let it."""
        self.end()
        self._died()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self._transport.close()
