"""Which worker gets which match: batches down, results up, and no match lost or played twice when a worker dies."""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from evalengine import wire
from evalengine.errors import EvalengineError, StopError
from evalengine.launcher import Launcher
from evalengine.model import MatchSpec, Played, Termination
from evalengine.waiting import Lanes, waits_of

if TYPE_CHECKING:
    import zmq

    from evalengine.model import Orders

BATCH_S = 0.020  # work in one batch, which is one transaction too
IN_FLIGHT = 2  # batches a worker: one that it plays and one that waits
_MAX_BATCH = 1000
_GROWTH = 4  # at most so many times the last batch
_DEATHS = 3  # alone in flight, before a match is void
_POLL_MS = 200

_IDLE_DEATHS = 5  # workers in a row that died without a match, before the run is given up

Done = tuple[Sequence[MatchSpec], Sequence[Played], int]
"""Matches that ended, their results, and the number of the worker that played them."""

_made = tuple.__new__  # a named tuple's own maker costs twice as much

_NOTHING: Done = ((), (), -1)


@dataclass(slots=True)
class _Worker:
    """What the scheduler knows of one worker."""

    worker_no: int
    batches: dict[int, Sequence[MatchSpec]] = field(default_factory=dict)  # in flight, by batch_no
    waiting: set[int] = field(default_factory=set)  # those of them whose match waits for a network
    ready: bool = False
    progress: int = -1
    since: float = 0.0  # when progress last changed
    sent: float = 0.0  # when the batch that it plays now was sent, or the last result came
    alone: bool = False  # its match must not share the worker with another
    hung: bool = False


class _Queue:
    """Matches to be played: those to be played again first, alone; then the plan, in batches of one game.

    Matches that wait for a network go one by one, by a lane of their own.
    """

    def __init__(
        self,
        specs: Iterable[MatchSpec],
        total: int | None,
        workers: int,
        waits: Callable[[MatchSpec], bool] | None = None,
    ) -> None:
        self._lanes = None if waits is None else Lanes(specs, waits)
        self._specs = iter(specs if self._lanes is None else self._lanes)
        self._next = next(self._specs, None)
        self._again: deque[MatchSpec] = deque()
        self._left = total
        self._workers = workers
        self.share = math.inf if total is None else -(-total // workers)  # matches a worker, if all have as many
        self._cost_s: dict[int, float] = {}  # by game, a match
        self._size: dict[int, int] = {}  # by game, the last batch
        self._deaths: dict[int, int] = {}  # by match_no, of workers that played nothing else

    def __bool__(self) -> bool:
        return bool(self._again) or self._next is not None or bool(self._lanes)

    @property
    def suspects(self) -> bool:
        """Whether matches wait that must be alone in flight."""
        return bool(self._again)

    def again(self, specs: Sequence[MatchSpec]) -> Sequence[MatchSpec]:
        """Put back the matches of a worker that died; return those that are given up."""
        if len(specs) == 1:
            deaths = self._deaths[specs[0].match_no] = self._deaths.get(specs[0].match_no, 0) + 1
            if deaths >= _DEATHS:
                return specs
        self._again.extend(specs)
        return ()

    def take(self) -> Sequence[MatchSpec]:
        """Return the next batch, empty when nothing waits."""
        if self._again:
            return [self._again.popleft()]
        first = self._next
        if first is None and self._lanes is not None:
            first = next(self._specs, None)
        if first is None:
            return []
        game_no = first.game_no
        batch = [first, *itertools.islice(self._specs, self._batch_size(game_no) - 1)]
        if batch[-1].game_no != game_no:  # the plan goes on to another game, or interleaves several
            end = next(place for place, spec in enumerate(batch) if spec.game_no != game_no)
            self._specs = itertools.chain(batch[end:], self._specs)
            del batch[end:]
        self._next = next(self._specs, None)
        self._size[game_no] = len(batch)
        if self._left is not None:
            self._left -= len(batch)
        return batch

    def take_waiting(self) -> MatchSpec | None:
        """Return the next match that waits for a network, None when there is none for now."""
        spec = self._lanes.waiting() if self._lanes is not None else None
        if spec is not None and self._left is not None:
            self._left -= 1
        return spec

    def _batch_size(self, game_no: int) -> int:
        cost_s = self._cost_s.get(game_no)
        if cost_s is None:
            return 1
        size = min(int(BATCH_S / max(cost_s, 1e-7)), self._size[game_no] * _GROWTH, _MAX_BATCH)
        if self._left is not None:  # smaller at the end, so that no worker waits long for another
            size = min(size, self._left // (2 * IN_FLIGHT * self._workers))
        return max(size, 1)

    def took(self, game_no: int, matches: int, seconds: float) -> None:
        """Learn what a batch cost."""
        cost_s = seconds / matches
        self._cost_s[game_no] = (self._cost_s.get(game_no, cost_s) + cost_s) / 2


class Scheduler:
    """Plays matches on worker processes. Used as a context manager.

    Args:
        orders: what a worker must know; workers: how many;
        hung_s: seconds without the end of a turn, or before it is ready, after which a worker is killed;
        worker_lost: told of each worker that died or hung, with the reason;
        launcher: one that was started before; it is closed with the scheduler.
    """

    def __init__(
        self,
        orders: Orders,
        workers: int,
        *,
        hung_s: float = 60.0,
        worker_lost: Callable[[int, str], None] = lambda _worker_no, _reason: None,
        launcher: Launcher | None = None,
    ) -> None:
        import zmq

        self._launcher = launcher or Launcher()
        self._context: zmq.Context[Any] = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.linger = 0  # whatever ends us, nothing waits for a worker that will not read
        self._router.bind(self._launcher.endpoint)
        self._poller = zmq.Poller()
        self._poller.register(self._router, zmq.POLLIN)
        self._poller.register(self._launcher.fd, zmq.POLLIN)
        self._hung_s = hung_s
        self._waits = waits_of(orders.agents)
        self._concurrency = orders.concurrency
        self._worker_lost = worker_lost
        self._workers: dict[int, _Worker] = {}
        self._numbers = itertools.count()
        self._batch_nos = itertools.count()
        self._cancel_by: float | None = None
        self._idle_deaths = 0
        self._looked = time.monotonic()
        try:
            self._launcher.order(orders)
            for _ in range(workers):
                self._start_worker()
        except BaseException:
            self.close(at_once=True)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(at_once=kind is not None)

    def play(self, specs: Iterable[MatchSpec], total: int | None = None) -> Iterator[Done]:
        """Yield results as they come, each match once, whatever dies; and nothing now and then while none come.

        So the caller can look at a clock, a display or a signal. `total` helps to size the last batches.

        Raises:
            StopError: no worker can be started any more.
        """
        queue = _Queue(specs, total, len(self._workers), self._waits)
        self._feed_all(queue)
        while self._busy(queue):
            quiet = True
            for source, _ in self._poller.poll(_POLL_MS):
                for done in self._bury(queue) if source == self._launcher.fd else self._drain(queue):
                    quiet = False
                    yield done
            self._kill_hung()
            if quiet:
                yield _NOTHING

    @property
    def cancelled(self) -> bool:
        """Whether nothing new begins any more."""
        return self._cancel_by is not None

    def cancel(self, within_s: float) -> None:
        """Begin nothing new; `play` ends when the running matches have, or after `within_s`."""
        self._cancel_by = time.monotonic() + within_s
        for worker in self._workers.values():
            self._router.send_multipart((b"pulse-%d" % worker.worker_no, wire.pack([wire.CANCEL])))

    def close(self, *, at_once: bool = False) -> None:
        """Stop all workers; those that do not end within a second are killed, all when `at_once` or one still plays."""
        try:
            if not at_once and not any(worker.batches for worker in self._workers.values()):
                self._stop_workers()
        finally:
            self._launcher.close()
            self._router.close()
            self._context.term()

    # -------------------------------------------------------------------------------- inside

    def _stop_workers(self) -> None:
        left = {worker.worker_no for worker in self._workers.values() if worker.ready}
        for worker_no in left:
            self._send(self._workers[worker_no], [wire.STOP])
            self._router.send_multipart((b"pulse-%d" % worker_no, wire.pack([wire.STOP])))
        by = time.monotonic() + 1.0
        with contextlib.suppress(StopError):  # the launcher died: there is nobody left to stop
            while left and time.monotonic() < by:
                for source, _ in self._poller.poll(50):
                    if source == self._launcher.fd:
                        left -= {worker_no for worker_no, _ in self._launcher.deaths()}
                    else:
                        self._receive()  # results that nobody waits for any more

    def _start_worker(self) -> None:
        worker_no = next(self._numbers)
        self._workers[worker_no] = _Worker(worker_no, since=time.monotonic())
        self._launcher.start(worker_no)

    def _busy(self, queue: _Queue) -> bool:
        if self._cancel_by is not None and time.monotonic() > self._cancel_by:
            return False
        if any(worker.batches for worker in self._workers.values()):
            return True
        return self._cancel_by is None and bool(queue)

    def _drain(self, queue: _Queue) -> Iterator[Done]:
        import zmq

        while int(self._router.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            worker_no, message = self._receive()
            worker = self._workers.get(worker_no)
            if worker is not None:
                yield from self._heard(worker, message, queue)

    def _receive(self) -> tuple[int, Sequence[Any]]:
        identity, data = self._router.recv_multipart()
        return int(identity.partition(b"-")[2]), wire.unpack(data)

    def _heard(self, worker: _Worker, message: Sequence[Any], queue: _Queue) -> Iterator[Done]:
        kind = message[0]
        if kind == wire.BEAT:
            self._note_progress(worker, message[1])
        elif kind == wire.READY:
            if message[1] != wire.VERSION:
                msg = (
                    f"a worker speaks version {message[1]} of our protocol, this is {wire.VERSION}: two installations?"
                )
                raise EvalengineError(msg)
            worker.ready = True
            self._feed(worker, queue)
        elif kind == wire.RESULT and message[1] in worker.batches:
            specs, waited = worker.batches.pop(message[1]), message[1] in worker.waiting
            worker.waiting.discard(message[1])
            rows = [_made(Played, row) for row in message[2]]
            self._idle_deaths = 0
            now = time.monotonic()
            worker.since = now
            if not waited:
                if rows:
                    queue.took(specs[0].game_no, len(rows), now - worker.sent)
                worker.sent = now
            worker.alone = False
            self._feed(worker, queue)
            yield specs[: len(rows)], rows, worker.worker_no

    def _note_progress(self, worker: _Worker, progress: int) -> None:
        if progress != worker.progress or not worker.batches:
            worker.progress, worker.since = progress, time.monotonic()

    def _feed_all(self, queue: _Queue) -> None:
        for worker in self._workers.values():
            self._feed(worker, queue)

    def _feed(self, worker: _Worker, queue: _Queue) -> None:
        """Send batches until enough are in flight; a match that lost its worker goes alone."""
        while worker.ready and not worker.alone and self._cancel_by is None:
            alone = queue.suspects
            if alone and worker.batches:
                return
            batch = self._batch_for(worker, queue)
            if not batch:
                return
            if not worker.batches:
                worker.sent = worker.since = time.monotonic()
            batch_no = next(self._batch_nos)
            worker.batches[batch_no] = batch
            if self._waits is not None and self._waits(batch[0]):
                worker.waiting.add(batch_no)
            worker.alone = alone
            self._send(worker, [wire.BATCH, batch_no, batch])

    def _batch_for(self, worker: _Worker, queue: _Queue) -> Sequence[MatchSpec]:
        """Return what a worker has room for: batches that compute, or a match that waits; empty when it has none."""
        waiting = len(worker.waiting)
        batch = queue.take() if len(worker.batches) - waiting < IN_FLIGHT else ()
        if not batch and waiting < min(self._concurrency, queue.share):
            spec = queue.take_waiting()
            return () if spec is None else (spec,)
        return batch

    def _send(self, worker: _Worker, message: Sequence[Any]) -> None:
        self._router.send_multipart((b"worker-%d" % worker.worker_no, wire.pack(message)))

    def _bury(self, queue: _Queue) -> Iterator[Done]:
        """Replace workers that died, put their matches back, and yield those given up as voids."""
        for worker_no, code in self._launcher.deaths():
            worker = self._workers.pop(worker_no)
            lost = [spec for specs in worker.batches.values() for spec in specs]
            reason = f"exit status {code}"
            if worker.hung:
                reason = "no turn ended in time" if worker.ready else "it did not get ready in time"
            self._worker_lost(worker_no, reason)
            self._idle_deaths = 0 if lost else self._idle_deaths + 1
            if self._idle_deaths > _IDLE_DEATHS:
                msg = f"workers die before they play anything ({reason}); see their output above"
                raise EvalengineError(msg)
            hopeless = queue.again(lost) if lost else ()
            if hopeless:
                yield hopeless, [_void(spec) for spec in hopeless], worker_no
            if not self.cancelled:
                self._start_worker()
        self._feed_all(queue)  # those without work must not wait for the replacement

    def _kill_hung(self) -> None:
        now = time.monotonic()
        asleep = now - self._looked > self._hung_s / 2  # we were stopped, or the disk was: nobody could be heard
        self._looked = now
        for worker in self._workers.values():
            if asleep:
                worker.since = now
            waits = not worker.batches and worker.ready
            if not waits and not worker.hung and now - worker.since > self._hung_s:
                worker.hung = True
                self._launcher.kill(worker.worker_no)


def _void(spec: MatchSpec) -> Played:
    seats = len(spec.agents)
    nothing = wire.pack([])
    return Played(
        spec.match_no,
        (0.0,) * seats,
        (1,) * seats,
        Termination.VOID.value,
        0,
        nothing,
        nothing,
        time.time(),
        0.0,
        error=f"it ended {_DEATHS} workers, each time as the only match in flight",
    )
