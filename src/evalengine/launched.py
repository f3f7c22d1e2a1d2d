"""What the launcher's process does: starts workers, replacements too, and kills them; ends when the scheduler does."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import shutil
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalengine import wire
from evalengine.launcher import DIED, MESSAGE, ORDER, START
from evalengine.serving import die_with_parent
from evalengine.serving import main as worker_main

if TYPE_CHECKING:
    from evalengine.model import Orders

_ORPHANS_S = 1.0
_PR_SET_CHILD_SUBREAPER = 36


def main(fd: int, folder: str) -> None:
    """Start and kill workers as told over `fd`; when the scheduler is gone, so is everything, `folder` too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the scheduler hears it, and ends us in its own time
    _adopt_orphans()
    control = socket.socket(fileno=fd)
    workers: dict[int, Any] = {}
    try:
        _serve(control, workers, Path(folder) / "orders")
    finally:
        for worker in workers.values():
            worker.kill()
        for worker in workers.values():
            worker.join()
        _end_orphans()
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)  # nothing is left to tidy up, and whoever ends a run waits for this


def _serve(control: socket.socket, workers: dict[int, Any], orders: Path) -> None:
    import multiprocess
    import zmq  # noqa: F401 - for the workers, which are forked: imported once, while the plan is made
    from multiprocess import connection

    context = multiprocess.get_context("fork")
    ends: dict[int, int] = {}  # worker_no by what becomes readable when it dies
    told: tuple[str, Orders]
    while True:
        ready = connection.wait([control, *ends])
        for end in [end for end in ready if end is not control]:
            worker_no = ends.pop(end)
            worker = workers.pop(worker_no)
            worker.join()
            os.close(end)
            control.send(wire.pack([DIED, worker_no, worker.exitcode]))
        _reap_orphans({worker.pid for worker in workers.values()})
        if control not in ready:
            continue
        message = control.recv(MESSAGE)
        if not message:
            return
        kind, worker_no = wire.unpack(message)
        if kind == ORDER:
            told = pickle.loads(orders.read_bytes())  # noqa: S301 - our own, in a folder that is ours alone
            orders.unlink()
        elif kind == START:
            arguments = (control.fileno(), os.getpid(), told[0], worker_no, told[1])
            workers[worker_no] = worker = context.Process(target=_worker, args=arguments)
            worker.start()
            # Not its sentinel: whatever a game or an agent of ours forked would keep that open.
            ends[os.pidfd_open(worker.pid)] = worker_no
        elif worker_no in workers:
            workers[worker_no].kill()


def _worker(control: int, launcher: int, endpoint: str, worker_no: int, orders: Orders) -> None:
    os.close(control)  # kept here, it would hide the scheduler's end from the launcher
    die_with_parent()
    if os.getppid() != launcher:
        return  # it died before we could ask to be told
    worker_main(endpoint, worker_no, orders)


# What a dead worker leaves behind becomes the launcher's child, not init's: it can be ended, and no zombie stays.


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _reap_orphans(workers: set[int]) -> None:
    """Take note of the ends of all children but our workers."""
    with contextlib.suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid in workers:
                return  # its own turn comes
            os.waitpid(ended.si_pid, 0)


def _end_orphans() -> None:
    """Kill all children until there is none, those of the killed too."""
    by = time.monotonic() + _ORPHANS_S
    while _has_children() and time.monotonic() < by:
        for pid in _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _reap_orphans(set())
        time.sleep(0.002)  # kills take a moment, and there is nothing to wait on for all at once


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _children() -> list[int]:
    own = os.getpid()
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if _parent(path) == own]


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0  # gone meanwhile
