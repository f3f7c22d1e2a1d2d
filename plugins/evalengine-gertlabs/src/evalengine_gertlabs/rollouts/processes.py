"""The processes that play episodes, as the server sees them: started when needed, asked, killed when they hang."""

from __future__ import annotations

import asyncio
import itertools
import os
import pickle
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from evalengine_gertlabs.rollouts.kernel import LENGTH

if TYPE_CHECKING:
    from collections.abc import Callable


class DiedError(Exception):
    """The process died before it answered; what it was asked may have been done, and is forgotten."""


class FailedError(Exception):
    """What a process was asked failed there."""


class Processes:
    """Processes of one kind, by number; each is started when it is first asked.

    Args:
        silent_s: without an answer to anything, after which one that was asked hangs, and is killed;
        mourn: called with the number of one that died, whose episodes are gone; a new one takes its place.
    """

    def __init__(self, number: int, nice: int, silent_s: float, mourn: Callable[[int], None]) -> None:
        self.number = number
        self._nice = nice
        self._silent_s = silent_s
        self._mourn = mourn
        self._running: dict[int, _Process] = {}
        self._loads = [0] * number

    def next(self) -> int:
        """Return the number of the process that has the fewest episodes, so far as it was told by `load`."""
        return min(range(self.number), key=self._loads.__getitem__)

    def load(self, number: int, episodes: int) -> None:
        """Note that a process has more, or fewer, episodes."""
        self._loads[number] += episodes

    def runs(self, number: int) -> bool:
        """Say whether a process has been started, and has not died."""
        return number in self._running

    async def ask(self, number: int, verb: str, *arguments: Any) -> Any:
        """Return what a method of the process's `Kernel` returns.

        Raises:
            DiedError, FailedError: as they say.
        """
        process = self._running.get(number)
        if process is None:
            process = self._running[number] = _Process(self._nice, self._silent_s, lambda: self._died(number, process))
        return await process.ask(verb, arguments)

    def _died(self, number: int, process: _Process | None) -> None:
        if process is not None and self._running.get(number) is process:
            del self._running[number]
            self._mourn(number)

    async def stop(self) -> None:
        """End all."""
        running, self._running = list(self._running.values()), {}
        for process in running:
            process.kill()
        await asyncio.gather(*(process.ended() for process in running))


class _Process:
    """One process; answers come in the order of the questions."""

    def __init__(self, nice: int, silent_s: float, died: Callable[[], None]) -> None:
        ours, theirs = socket.socketpair()
        imports = f"import sys; sys.path[:] = {sys.path!r}; from evalengine_gertlabs.rollouts.kernel import main"
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-c", f"{imports}; main({theirs.fileno()}, {nice})"],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # a terminal's Ctrl-C is the server's alone
                env={**os.environ, "PYTHONHASHSEED": "0"},
            )
        self._silent_s = silent_s
        self._died = died
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._heard = 0  # answers so far
        self._writer: asyncio.StreamWriter | None = None
        self._frames: list[bytes] = []
        self._task = asyncio.create_task(self._listen(ours))

    async def ask(self, verb: str, arguments: tuple[Any, ...]) -> Any:
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        data = pickle.dumps((number, verb, arguments))
        self._frames.append(LENGTH.pack(len(data)) + data)
        self._flush()
        how, value = await self._patiently(answer)
        if how == "failed":
            raise FailedError(value)
        return value

    async def _patiently(self, answer: asyncio.Future[Any]) -> Any:
        """Wait for an answer while others come; kill the process when none does."""
        while True:
            heard = self._heard
            done, _ = await asyncio.wait([answer], timeout=self._silent_s)
            if done:
                return answer.result()
            if self._heard == heard:
                self.kill()

    def _flush(self) -> None:
        if self._writer is not None:
            frames, self._frames = self._frames, []
            self._writer.write(b"".join(frames))

    async def _listen(self, ours: socket.socket) -> None:
        try:
            reader, self._writer = await asyncio.open_connection(sock=ours)
            self._flush()
            while True:
                (size,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
                number, how, value = pickle.loads(await reader.readexactly(size))  # noqa: S301 - see `kernel`
                self._heard += 1
                if not (answer := self._asked.pop(number)).done():
                    answer.set_result((how, value))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._end()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()  # it is dead, or about to be
        if self._writer is not None:
            self._writer.close()
        self._died()
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(DiedError())
                answer.exception()  # whoever asked may be gone
        self._asked.clear()

    def kill(self) -> None:
        self._process.kill()

    async def ended(self) -> None:
        """Wait until it is gone."""
        await asyncio.wait([self._task], timeout=10)
