"""The process that starts workers, as the main process sees it; what it does itself is in `launched`.

A fresh interpreter, not a fork of the caller: a notebook's kernel has threads and ZeroMQ contexts long before it
imports us, and a fresh interpreter also fixes string hashing and never sees the caller's `__main__`. It is started
before anything else is known of a run, since it takes as long to import what workers need as the plan takes here.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from evalengine import wire
from evalengine.errors import StopError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalengine.model import Orders

MESSAGE = 64 << 10
ORDER, START, KILL, DIED = "order", "start", "kill", "died"
_PREFIX = "evalengine-run-"
_LONGEST = 80  # bytes of the folder's path: a socket in it may have 107
_CLOSE_S = 5.0


class Launcher:
    """The launcher's process. Used as a context manager, or closed by hand.

    Attributes:
        endpoint: where the scheduler must listen; fd: readable when a worker died.
    """

    def __init__(self) -> None:
        remove_stale_folders()
        self._folder, lock = _locked_folder()
        self.endpoint = f"ipc://{self._folder}/scheduler"
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        code = (
            f"import sys; sys.path[:] = {list(map(str, _search_path()))!r}; "
            f"from evalengine.launched import main; main({theirs.fileno()}, {str(self._folder)!r})"
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
        self._ordered = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def order(self, orders: Orders) -> None:
        """Tell what every worker must know; before the first `start`.

        Raises:
            StopError: the launcher is gone.
        """
        # By a file: 2,000 agents do not fit into one packet.
        (self._folder / "orders").touch(0o600)
        (self._folder / "orders").write_bytes(pickle.dumps((self.endpoint, orders)))
        self._ordered = True
        self._tell([ORDER, 0])

    def start(self, worker_no: int) -> None:
        """Start a worker with a number of its own.

        Raises:
            StopError: the launcher is gone.
        """
        self._tell([START, worker_no])

    def kill(self, worker_no: int) -> None:
        """Kill a worker; its death is told like any other.

        Raises:
            StopError: the launcher is gone.
        """
        self._tell([KILL, worker_no])

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
            while data := self._control.recv(MESSAGE, socket.MSG_DONTWAIT):
                _, worker_no, code = wire.unpack(data)
                yield worker_no, code
        except BlockingIOError:
            return
        except ConnectionResetError:
            raise _gone() from None
        raise _gone()

    def close(self) -> None:
        """End the launcher, all workers that still live, and what they left. Does nothing the second time."""
        self._control.close()
        if not self._ordered:
            self._process.kill()  # it has nothing to end, and need not import what it does not use
        try:
            self._process.wait(_CLOSE_S)
        except subprocess.TimeoutExpired:  # it was stopped, for example
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
        remove_stale_folders()  # once more: of a run that was killed just before ours, something may have lived then


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


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Give a folder that the next run removes if this process is killed meanwhile."""
    folder, lock = _locked_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _temporary() -> str:
    """Return where temporary folders lie, by a path that is short enough for a socket's."""
    place = tempfile.gettempdir()
    return place if len(os.fsencode(place)) <= _LONGEST else "/tmp"  # noqa: S108 - for mkdtemp, 0700


def remove_stale_folders(place: Path | None = None) -> None:
    """Remove the folders in `place`, by default where they are made, of runs whose processes were all killed."""
    for folder in Path(place or _temporary()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # somebody else's, or gone already
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _search_path() -> list[Path]:
    return [Path(entry or ".").absolute() for entry in sys.path]
