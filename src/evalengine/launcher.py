"""The process that starts workers, replacements too: a fresh interpreter without threads or sockets of ZeroMQ.

Not a fork of the caller: a notebook's kernel has threads and ZeroMQ contexts long before it imports us, and a fresh interpreter
also fixes string hashing and never sees the caller's `__main__`.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalengine import wire
from evalengine.errors import EvalengineError
from evalengine.worker import Orders
from evalengine.worker import main as worker_main

if TYPE_CHECKING:
    from collections.abc import Iterator

_MESSAGE = 64 << 10
_START, _KILL, _DIED = "start", "kill", "died"


class Launcher:
    """The launcher's process as the scheduler sees it.

    Attributes:
        endpoint: where the scheduler must listen; fd: readable when a worker died.
    """

    def __init__(self, orders: Orders) -> None:
        self._folder = tempfile.mkdtemp(prefix="evalengine-")  # 0700: nobody else reaches the socket
        self.endpoint = f"ipc://{self._folder}/scheduler"
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        code = (
            f"import sys; sys.path[:] = {list(map(str, _search_path()))!r}; "
            f"from evalengine.launcher import main; main({theirs.fileno()})"
        )
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=2,  # what games and trusted agents print must not mix with results
                env={**os.environ, "PYTHONHASHSEED": "0"},
                pass_fds=[theirs.fileno()],
            )
        self._send_orders(orders)
        self.fd = self._control.fileno()

    def _send_orders(self, orders: Orders) -> None:
        # By a file: 2,000 agents do not fit into one packet.
        path = Path(self._folder) / "orders"
        path.write_bytes(pickle.dumps((self.endpoint, orders)))
        self._control.send(str(path).encode())

    def start(self, worker_no: int) -> None:
        """Start a worker with a number of its own."""
        self._control.send(wire.pack([_START, worker_no]))

    def kill(self, worker_no: int) -> None:
        """Kill a worker; its death is told like any other."""
        self._control.send(wire.pack([_KILL, worker_no]))

    def deaths(self) -> Iterator[tuple[int, int]]:
        """Yield (worker_no, exit code; negative: a signal) of each worker that died since the last call.

        Raises:
            EvalengineError: the launcher itself is gone.
        """
        with contextlib.suppress(BlockingIOError):
            while data := self._control.recv(_MESSAGE, socket.MSG_DONTWAIT):
                _, worker_no, code = wire.unpack(data)
                yield worker_no, code
            msg = "the process that starts workers died; the run can be resumed"
            raise EvalengineError(msg)

    def close(self) -> None:
        """End the launcher and all workers that still live."""
        self._control.close()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _search_path() -> list[Path]:
    return [Path(entry or ".").absolute() for entry in sys.path]


# --------------------------------------------------------------------------------- the process


def main(fd: int) -> None:
    """Start and kill workers as told over `fd`; when the scheduler is gone, so is everything."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=fd)
    path = Path(control.recv(_MESSAGE).decode())
    endpoint, orders = pickle.loads(path.read_bytes())  # noqa: S301 - our own, in a folder that is ours alone
    workers: dict[int, Any] = {}
    try:
        _serve(control, workers, endpoint, orders)
    finally:
        for worker in workers.values():
            worker.kill()
        shutil.rmtree(path.parent, ignore_errors=True)


def _serve(control: socket.socket, workers: dict[int, Any], endpoint: str, orders: Orders) -> None:
    import multiprocess
    from multiprocess import connection

    context = multiprocess.get_context("fork")
    while True:
        ready = connection.wait([control, *(worker.sentinel for worker in workers.values())])
        for worker_no, worker in list(workers.items()):
            if worker.sentinel in ready:
                worker.join()
                del workers[worker_no]
                control.send(wire.pack([_DIED, worker_no, worker.exitcode]))
        if control not in ready:
            continue
        message = control.recv(_MESSAGE)
        if not message:
            return
        kind, worker_no = wire.unpack(message)
        if kind == _START:
            workers[worker_no] = context.Process(target=_worker, args=(control.fileno(), endpoint, worker_no, orders))
            workers[worker_no].start()
        elif worker_no in workers:
            workers[worker_no].kill()


def _worker(control: int, endpoint: str, worker_no: int, orders: Orders) -> None:
    os.close(control)  # kept here, it would hide the scheduler's end from the launcher
    worker_main(endpoint, worker_no, orders)
