"""A worker's process: takes batches of matches from the scheduler, plays them, sends results, tells that it lives."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalengine import tasks, wire
from evalengine.model import ENGINE_DIALECTS
from evalengine.played import plain_text
from evalengine.waiting import Core, Pool, waits_of
from evalengine.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import zmq

    from evalengine.model import MatchSpec, Orders, Played

_PULSE_S = 0.5
_PR_SET_PDEATHSIG = 1


def main(endpoint: str, worker_no: int, orders: Orders) -> None:
    """Serve the scheduler at `endpoint` until it says STOP."""
    import zmq

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the scheduler's to handle
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent()
    _prepare(worker_no, orders, Path(endpoint.partition("://")[2]).parent)
    gc.freeze()  # what was imported is never garbage: no collection need look at it
    core = Core()
    worker = Worker(orders, core)
    context = zmq.Context()
    pulse = _Pulse(context, endpoint, worker_no, worker)
    pulse.start()
    connection = context.socket(zmq.DEALER)
    connection.setsockopt(zmq.IDENTITY, b"worker-%d" % worker_no)
    connection.connect(endpoint)
    connection.send(wire.pack([wire.READY, wire.VERSION, os.getpid()]))
    waits = waits_of(orders.agents)
    if waits is None:
        _serve(connection, worker, pulse)
    else:
        pool = Pool(lambda spec: None if pulse.cancelled else worker.play(spec), core, orders.concurrency)
        _serve_both(connection, worker, pulse, (waits, core, pool))
    worker.close()
    pulse.stopping = True
    connection.send(wire.pack([wire.BYE]))
    connection.close(linger=1000)
    pulse.join()
    context.term()


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent's main thread ends, kill -9 included; Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prepare(worker_no: int, orders: Orders, folder: Path) -> None:
    # Agents' folders lie in the launcher's, which removes them whatever kills a worker.
    tempfile.tempdir = str(folder)
    sys.path[:] = [*orders.sys_path, *(path for path in sys.path if path not in orders.sys_path)]
    if orders.cores and sys.platform == "linux":
        os.sched_setaffinity(0, {orders.cores[worker_no % len(orders.cores)]})
        if any(agent.dialect in ENGINE_DIALECTS for agent in orders.agents):
            tasks.let_others_finish()


def _serve(connection: zmq.Socket[bytes], worker: Worker, pulse: _Pulse) -> None:
    while True:
        kind, *rest = wire.unpack(connection.recv())
        if kind == wire.STOP:
            return
        batch_no, specs = rest
        rows = worker.play_all(map(wire.spec_of, specs), lambda: pulse.cancelled)
        connection.send(_packed([wire.RESULT, batch_no, rows]))


def _serve_both(
    connection: zmq.Socket[bytes], worker: Worker, pulse: _Pulse, many: tuple[Callable[[MatchSpec], bool], Core, Pool]
) -> None:
    """Serve as `_serve` does, and matches that wait in a pool."""
    import zmq

    waits, core, pool = many
    poller = zmq.Poller()
    poller.register(connection, zmq.POLLIN)
    poller.register(pool.fd, zmq.POLLIN)
    while True:
        heard = dict(poller.poll())
        for batch_no, rows in pool.ended():
            connection.send(_packed([wire.RESULT, batch_no, rows]))
        if connection not in heard:
            continue
        kind, *rest = wire.unpack(connection.recv())
        if kind == wire.STOP:
            return
        batch_no, specs = rest[0], [wire.spec_of(fields) for fields in rest[1]]
        if waits(specs[0]):  # such a batch has one match
            pool.begin(batch_no, specs[0])
            continue
        played: list[Played] = []
        for spec in specs:  # one by one: those that wait take turns with them
            with core:
                played += worker.play_all([spec], lambda: pulse.cancelled)
        connection.send(_packed([wire.RESULT, batch_no, played]))


def _packed(message: Sequence[Any]) -> bytes:
    """Return a RESULT as bytes; texts that UTF-8 cannot hold without what it cannot."""
    try:
        return wire.pack(message)
    except UnicodeEncodeError:
        return wire.pack(_clean(message))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return plain_text(value)
    return list(map(_clean, value)) if isinstance(value, list | tuple) else value


class _Pulse(threading.Thread):
    """Tells the scheduler of progress and hears of a cancellation, while the worker's own thread plays.

    Attributes:
        cancelled: whether no further match may begin; stopping: set it to end the thread.
    """

    def __init__(self, context: zmq.Context[Any], endpoint: str, worker_no: int, worker: Worker) -> None:
        super().__init__(daemon=True)
        self._context = context
        self._endpoint = endpoint
        self._identity = b"pulse-%d" % worker_no
        self._worker = worker
        self._parent = os.getppid()
        self.cancelled = self.stopping = False

    def run(self) -> None:
        """Beat until told to stop; end the process when its parent is gone."""
        import zmq

        connection = self._context.socket(zmq.DEALER)
        connection.setsockopt(zmq.IDENTITY, self._identity)
        connection.connect(self._endpoint)
        while not self.stopping:  # a STOP is lost when it is sent before this connection stands
            if connection.poll(_PULSE_S * 1000):
                self.cancelled = True
                if wire.unpack(connection.recv())[0] == wire.STOP:
                    break
            if os.getppid() != self._parent:
                os._exit(1)
            connection.send(wire.pack([wire.BEAT, self._worker.progress]))
        connection.close(linger=0)
