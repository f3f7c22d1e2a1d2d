"""The process that starts workers, replacements too: a fresh interpreter without threads or sockets of ZeroMQ.

Not a fork of the caller: a notebook's kernel has threads and ZeroMQ contexts long before it imports us, and a fresh
interpreter also fixes string hashing and never sees the caller's `__main__`.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalengine import wire
from evalengine.errors import StopError
from evalengine.worker import Orders, die_with_parent
from evalengine.worker import main as worker_main

if TYPE_CHECKING:
    from collections.abc import Iterator

_MESSAGE = 64 << 10
_START, _KILL, _DIED = "start", "kill", "died"
_PREFIX = "evalengine-run-"
_LONGEST = 80  # bytes of the folder's path: a socket in it may have 107
_CLOSE_S = 5.0
_ORPHANS_S = 1.0
_PR_SET_CHILD_SUBREAPER = 36


class Launcher:
    """The launcher's process as the scheduler sees it.

    Attributes:
        endpoint: where the scheduler must listen; fd: readable when a worker died.
    """

    def __init__(self, orders: Orders) -> None:
        remove_stale_folders()
        self._folder, lock = _locked_folder()
        self.endpoint = f"ipc://{self._folder}/scheduler"
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # By a file: 2,000 agents do not fit into one packet.
        (self._folder / "orders").touch(0o600)
        (self._folder / "orders").write_bytes(pickle.dumps((self.endpoint, orders)))
        code = (
            f"import sys; sys.path[:] = {list(map(str, _search_path()))!r}; "
            f"from evalengine.launcher import main; main({theirs.fileno()}, {str(self._folder)!r})"
        )
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-P", "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=2,  # what games and trusted agents print must not mix with results
                env={**os.environ, "PYTHONHASHSEED": "0"},
                pass_fds=[theirs.fileno(), lock],
                start_new_session=True,  # a terminal's Ctrl-C is the scheduler's alone, from the first moment on
            )
        os.close(lock)  # the launcher's from now on
        self.fd = self._control.fileno()

    def start(self, worker_no: int) -> None:
        """Start a worker with a number of its own.

        Raises:
            StopError: the launcher is gone.
        """
        self._tell([_START, worker_no])

    def kill(self, worker_no: int) -> None:
        """Kill a worker; its death is told like any other.

        Raises:
            StopError: the launcher is gone.
        """
        self._tell([_KILL, worker_no])

    def _tell(self, message: list[Any]) -> None:
        try:
            self._control.send(wire.pack(message))
        except (BrokenPipeError, ConnectionResetError):
            raise _gone() from None

    def deaths(self) -> Iterator[tuple[int, int]]:
        """Yield (worker_no, exit code; negative: a signal) of each worker that died since the last call.

        Raises:
            StopError: the launcher itself is gone.
        """
        try:
            while data := self._control.recv(_MESSAGE, socket.MSG_DONTWAIT):
                _, worker_no, code = wire.unpack(data)
                yield worker_no, code
        except BlockingIOError:
            return
        except ConnectionResetError:
            raise _gone() from None
        raise _gone()

    def close(self) -> None:
        """End the launcher, all workers that still live, and what they left."""
        self._control.close()
        try:
            self._process.wait(_CLOSE_S)
        except subprocess.TimeoutExpired:  # it was stopped, for example
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _gone() -> StopError:
    return StopError("the process that starts workers died; what was played is stored")


def _locked_folder() -> tuple[Path, int]:
    """Return a new folder of ours alone, and a descriptor whose lock lasts as long as somebody uses it."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_temporary()))
        with contextlib.suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if hasattr(os, "geteuid") and os.geteuid() == 0:
                folder.chmod(0o711)  # root's agents are users of their own, with folders below it
            if folder.exists():  # else somebody took it for a stale one between our two steps
                return folder, lock
            os.close(lock)


def _temporary() -> str:
    """Return where temporary folders lie, by a path that is short enough for a socket's."""
    place = tempfile.gettempdir()
    return place if len(os.fsencode(place)) <= _LONGEST else "/tmp"  # noqa: S108 - for mkdtemp, 0700


def remove_stale_folders() -> None:
    """Remove the folders of runs whose processes were all killed."""
    for folder in Path(_temporary()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # somebody else's, or gone already
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _search_path() -> list[Path]:
    return [Path(entry or ".").absolute() for entry in sys.path]


# --------------------------------------------------------------------------------- the process


def main(fd: int, folder: str) -> None:
    """Start and kill workers as told over `fd`; when the scheduler is gone, so is everything, `folder` too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the scheduler hears it, and ends us in its own time
    _adopt_orphans()
    control = socket.socket(fileno=fd)
    path = Path(folder) / "orders"
    workers: dict[int, Any] = {}
    try:
        endpoint, orders = pickle.loads(path.read_bytes())  # noqa: S301 - our own, in a folder that is ours alone
        path.unlink()
        _serve(control, workers, endpoint, orders)
    finally:
        for worker in workers.values():
            worker.kill()
        for worker in workers.values():
            worker.join()
        _end_orphans()
        shutil.rmtree(folder, ignore_errors=True)


def _serve(control: socket.socket, workers: dict[int, Any], endpoint: str, orders: Orders) -> None:
    import multiprocess
    from multiprocess import connection

    context = multiprocess.get_context("fork")
    ends: dict[int, int] = {}  # worker_no by what becomes readable when it dies
    while True:
        ready = connection.wait([control, *ends])
        for end in [end for end in ready if end is not control]:
            worker_no = ends.pop(end)
            worker = workers.pop(worker_no)
            worker.join()
            os.close(end)
            control.send(wire.pack([_DIED, worker_no, worker.exitcode]))
        _reap_orphans({worker.pid for worker in workers.values()})
        if control not in ready:
            continue
        message = control.recv(_MESSAGE)
        if not message:
            return
        kind, worker_no = wire.unpack(message)
        if kind == _START:
            arguments = (control.fileno(), os.getpid(), endpoint, worker_no, orders)
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
    while time.monotonic() < by:
        for pid in _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _reap_orphans(set())
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        time.sleep(0.002)  # kills take a moment, and there is nothing to wait on for all at once


def _children() -> list[int]:
    own = os.getpid()
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if _parent(path) == own]


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0  # gone meanwhile
