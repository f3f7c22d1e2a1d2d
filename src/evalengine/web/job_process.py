"""A job's own process: runs what its kind names, and stores what came of it.

Who writes what: this process stores a result or an error, the server everything else. A process that was told to end
(SIGTERM, or its standard input ended with the server) stores nothing: the server cancels the job or begins it again.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalengine import database, references
from evalengine.errors import EvalengineError, ExitCode, InterruptedRunError
from evalengine.plugins import Plugins, find_local
from evalengine.web.job_rows import RUNNING, JobRows
from evalengine.web.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalengine.web.job_rows import Job

_ORPHAN_S = 30.0  # until the process of a server that is gone is killed, should it not end by itself
_TOLD_EVERY_S = 0.5


class Work:
    """What a kind of job is given: what was asked for, and where to say how it goes on.

    Attributes:
        number: the job's; request: what was asked for, every parameter with its value; kept: what an earlier process
            of this job passed to `keep`; db: the database's file; plugins: what is installed.
    """

    def __init__(self, job: Job, rows: JobRows, db: Path, plugins: Plugins) -> None:
        self.number = job.number
        self.request: Mapping[str, Any] = job.request
        self.kept: Mapping[str, Any] = job.kept
        self.db = db
        self.plugins = plugins
        self._rows = rows
        self._told = 0.0

    def keep(self, **values: Any) -> None:
        """Store values (JSON) for a later process of this job, which goes on after a restart of the server."""
        self.kept = {**self.kept, **values}
        self._rows.keep(self.number, self.kept)

    def report(self, fraction: float) -> None:
        """Say how far the job is, from 0 to 1; may be called often."""
        if time.monotonic() - self._told >= _TOLD_EVERY_S:
            self._told = time.monotonic()
            self._rows.progress(self.number, min(max(fraction, 0.0), 1.0))


def main(db: str, number: int, wanted: Sequence[str]) -> int:
    """Do a job; return the exit code."""
    os.dup2(2, 1)  # what plugins and games print belongs into the log
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server's alone
    threading.Thread(target=_end_with_server, daemon=True).start()
    path = Path(db)
    try:
        # The process of a server that was killed may still be ending.
        lock = database.locked(path.with_name(f"{path.name}-job-{number}.lock"), fcntl.LOCK_EX)
        try:
            with Rows(path) as rows:
                return _do(JobRows(rows), number, path, wanted)
        finally:
            database.unlock(lock)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def _do(rows: JobRows, number: int, path: Path, wanted: Sequence[str]) -> int:
    job = rows.find(number)
    if job is None or job.state != RUNNING:
        return ExitCode.OK  # the process before this one finished it
    try:
        plugs = Plugins(wanted, local=find_local(Path()))
        kind = references.find("kind of job", job.kind, plugs.job_kinds())
        function: Callable[[Work], Any] = references.imported(kind.factory, f"job {job.kind!r}")
        rows.complete(number, function(Work(job, rows, path, plugs)))
    except InterruptedRunError:
        return ExitCode.INTERRUPTED
    except EvalengineError as error:
        rows.fail(number, str(error))
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the border: a kind of job may be anybody's
        traceback.print_exc()
        rows.fail(number, references.one_line(error))
        return ExitCode.INTERNAL
    return ExitCode.OK


def _end_with_server() -> None:
    """End this process when the server is gone, however it went: it holds the other end of our standard input."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_ORPHAN_S)
    os._exit(ExitCode.INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
