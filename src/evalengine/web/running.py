"""Jobs while the server runs: queued, begun in processes of their own, waited for, cancelled, begun again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalengine import references
from evalengine.errors import EvalengineError, UsageError
from evalengine.web import lines
from evalengine.web.job_rows import RUNNING, JobRows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine.model import JobKind
    from evalengine.plugins import Plugins
    from evalengine.web.job_rows import Job
    from evalengine.web.keys import Key
    from evalengine.web.rows import Rows

MOST_UNENDED = 1_000  # jobs of one key that wait or run
_GRACE_S = 15.0  # from SIGTERM to SIGKILL; a run ends within its turn limit and half a second
_AGAIN_S = 5.0  # until the queue is looked at again after the database could not be written


class Jobs:
    """The jobs of a server. All methods are for the event loop's thread, and keep it free."""

    def __init__(self, rows: Rows, plugs: Plugins, wanted: Sequence[str], at_once: int) -> None:
        self._rows = JobRows(rows)
        self._db = rows.path
        self._plugs = plugs
        self._wanted = wanted
        self._at_once = at_once
        self._search_path = [str(Path(entry or ".").absolute()) for entry in sys.path]
        self.kinds: Mapping[str, JobKind] = plugs.job_kinds()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._ends: dict[int, asyncio.Event] = {}  # by job: somebody waits for its end
        self._wake = asyncio.Event()
        self._stopping = False
        self._loop: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------------------- asked for

    async def add(self, kind: str, request: Mapping[str, Any], key: Key | None) -> Job:
        """Store a job and return it; it begins when its turn comes.

        Args:
            key: whose it is; None: the server's own.

        Raises:
            UnknownNameError: there is no such kind; UsageError: the request is refused, or the key has too many.
        """
        number = await asyncio.to_thread(self._add, kind, request, key)
        self._wake.set()
        job = await self.find(number)
        assert job is not None, "it has not ended"
        return job

    def _add(self, name: str, request: Mapping[str, Any], key: Key | None) -> int:
        kind = references.find("kind of job", name, self.kinds)
        given = {name: value for name, value in request.items() if value is not None}
        whole = references.configured(f"job {name!r}", kind.parameters, given)
        if kind.check and key is not None:
            references.imported(kind.check, f"job {name!r}")(whole, key, self._plugs)
        owner = None if key is None else key.number
        if self._rows.unended(owner) >= MOST_UNENDED:
            msg = f"{MOST_UNENDED} jobs of this key wait already: wait for some, or cancel them"
            raise UsageError(msg)
        return self._rows.add(name, whole, owner)

    async def find(self, number: int) -> Job | None:
        """Return a job, None when there is none."""
        return await asyncio.to_thread(self._rows.find, number)

    async def list(self, owner: int | None, *, before: int = 1 << 62, limit: int = 100) -> Sequence[Job]:
        """Return jobs, the latest first: of one key, or of all for None."""
        return await asyncio.to_thread(self._rows.list, owner, before=before, limit=limit)

    async def counts(self) -> Mapping[str, int]:
        """Return how many jobs there are by state."""
        return await asyncio.to_thread(self._rows.counts)

    async def forget(self, age_s: float) -> int:
        """Remove jobs that ended so long ago; return how many."""
        return await asyncio.to_thread(self._rows.forget, time.time() - age_s)

    async def wait(self, number: int, limit_s: float) -> Job | None:
        """Return a job when it has ended, or as it is after `limit_s`; waiting takes no thread."""
        end = self._ends.setdefault(number, asyncio.Event())
        job = await self.find(number)  # after the event is there: what ends now sets it
        if job is not None and not job.ended and not self._stopping:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(end.wait(), limit_s)
            job = await self.find(number)
        if job is None or job.ended:
            self._tell(number)  # others wait with the same event, which nobody may find after us
        return job

    async def cancel(self, number: int) -> Job | None:
        """End a job: at once when it waits, else its process is told to, and has some seconds for it."""
        await asyncio.to_thread(self._rows.ask_to_end, number)
        if process := self._processes.get(number):
            _signal(process, signal.SIGTERM)
            asyncio.get_running_loop().call_later(_GRACE_S, _signal, process, signal.SIGKILL)
        else:
            self._tell(number)
        return await self.find(number)

    # ------------------------------------------------------------------------------------ done

    async def start(self) -> None:
        """Begin with what is in the queue; what was running when the last server ended is there again."""
        await asyncio.to_thread(self._rows.queue_again)
        self._loop = asyncio.create_task(self._work())

    def release(self) -> None:
        """Let go of all who wait, and begin nothing more."""
        self._stopping = True
        for number in list(self._ends):
            self._tell(number)

    async def stop(self) -> None:
        """Tell the processes to end and wait for it; their jobs go on with the next server."""
        self.release()
        if self._loop is not None:
            self._loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loop
        for process in self._processes.values():
            _signal(process, signal.SIGTERM)
        if self._running:
            await asyncio.wait(self._running.values(), timeout=_GRACE_S)
        for process in self._processes.values():
            _signal(process, signal.SIGKILL)
        if self._running:
            await asyncio.wait(self._running.values())

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            try:
                while len(self._running) < self._at_once and (job := await asyncio.to_thread(self._rows.claim)):
                    self._running[job.number] = asyncio.create_task(self._run(job))
            except (EvalengineError, sqlite3.Error) as error:
                lines.log(f"jobs wait: {error}")
                asyncio.get_running_loop().call_later(_AGAIN_S, self._wake.set)
            await self._wake.wait()

    async def _run(self, job: Job) -> None:
        lines.log(f"job {job.number} ({job.kind}) begins")
        try:
            code = await self._process(job.number)
            await self._ended(job.number, code)
        except (EvalengineError, sqlite3.Error, OSError) as error:
            # A full disk: the next server finds the job running, and begins it again.
            lines.log(f"job {job.number}: {error}")
        finally:
            self._running.pop(job.number, None)
            self._wake.set()
            self._tell(job.number)

    async def _process(self, number: int) -> int:
        """Run a job's process to its end; return its exit code."""
        arguments = f"{str(self._db)!r}, {number}, {[*self._wanted]!r}"
        code = (
            f"import sys; sys.path[:] = {self._search_path!r}; "
            f"from evalengine.web.job_process import main; sys.exit(main({arguments}))"
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-c", code,
            stdin=asyncio.subprocess.PIPE,  # it ends when we do, however that is
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # a terminal's Ctrl-C is ours alone
        )  # fmt: skip
        self._processes[number] = process
        try:
            if self._stopping or await self._is_unwanted(number):  # since it was claimed
                _signal(process, signal.SIGTERM)
            told = asyncio.create_task(_tell_lines(f"job {number}", process))
            code_of_it = await process.wait()
            with contextlib.suppress(TimeoutError):  # what it left behind may hold the pipe
                await asyncio.wait_for(told, 1.0)
            return code_of_it
        finally:
            self._processes.pop(number, None)

    async def _is_unwanted(self, number: int) -> bool:
        job = await self.find(number)
        return job is None or job.cancel

    async def _ended(self, number: int, code: int) -> None:
        """Store what a process that ended did not."""
        job = await self.find(number)
        if job is not None and job.state == RUNNING:
            if job.cancel:
                await asyncio.to_thread(self._rows.cancelled, number)
            elif self._stopping:
                await asyncio.to_thread(self._rows.queue_again, number)
            else:
                reason = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
                await asyncio.to_thread(self._rows.fail, number, f"its process ended before it was done: {reason}")
            job = await self.find(number)
        lines.log(f"job {number} is {'gone' if job is None else job.state}")

    def _tell(self, number: int) -> None:
        if end := self._ends.pop(number, None):
            end.set()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended; SIGKILL to all that it started, too."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)


async def _tell_lines(name: str, process: asyncio.subprocess.Process) -> None:
    """Log what a process writes, line by line."""
    assert process.stderr is not None
    rest = b""
    while part := await process.stderr.read(1 << 14):
        *whole, rest = (rest + part).split(b"\n")
        rest = rest[: 1 << 14]  # a line without an end
        for line in whole:
            lines.log(f"{name}: {line.decode(errors='replace')}")
    if rest:
        lines.log(f"{name}: {rest.decode(errors='replace')}")
