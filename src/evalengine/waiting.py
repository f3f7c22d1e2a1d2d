"""Matches that mostly wait for a network: many at once in one worker, of which one at a time computes."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from evalengine.model import AgentSpec, MatchSpec, Played

CONCURRENCY = 32  # matches at once in a worker
_AHEAD = 10_000  # matches of one kind that are read from the plan while one of the other is looked for


def waits_of(agents: Sequence[AgentSpec]) -> Callable[[MatchSpec], bool] | None:
    """Return what says whether a match mostly waits; None when none can.

    Functions of the caller share the global generators, which are seeded for one match: theirs never wait.
    """
    slow = {number for number, agent in enumerate(agents) if agent.waits_s}
    alone = {number for number, agent in enumerate(agents) if agent.payload}
    if not slow:
        return None
    return lambda spec: not slow.isdisjoint(spec.agents) and alone.isdisjoint(spec.agents)


class Core:
    """The right to compute, given in the order of asking: agents' clocks and games' objects see one match at a time.

    Attributes:
        passed: how often it was given back.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._gates: deque[threading.Lock] = deque()  # of those who wait for it
        self._taken = False
        self.passed = 0

    def __enter__(self) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            gate = threading.Lock()
            gate.acquire()
            self._gates.append(gate)
        gate.acquire()  # whoever gives it back opens the first gate, and it stays taken

    def __exit__(self, *_: object) -> None:
        with self._guard:
            self.passed += 1
            if self._gates:
                self._gates.popleft().release()
            else:
                self._taken = False

    @contextlib.contextmanager
    def released(self) -> Iterator[None]:
        """Let others compute while the body waits."""
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()


class Pool:
    """Threads of a worker that play matches which wait.

    Attributes:
        fd: readable when `ended` has something to return.
    """

    def __init__(self, play: Callable[[MatchSpec], Played | None], core: Core, threads: int) -> None:
        self._play = play
        self._core = core
        self._todo: queue.SimpleQueue[tuple[int, MatchSpec]] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[tuple[int, Played | None]] = queue.SimpleQueue()
        self.fd, self._signal = os.pipe()
        os.set_blocking(self.fd, False)
        for _ in range(threads):
            # They never end: the kernel kills what a thread started when that thread ends.
            threading.Thread(target=self._work, daemon=True).start()

    def begin(self, batch_no: int, spec: MatchSpec) -> None:
        """Play a match as soon as a thread is free."""
        self._todo.put((batch_no, spec))

    def ended(self) -> Iterator[tuple[int, Sequence[Played]]]:
        """Yield (batch_no, its only result; none when it was not begun) of the matches that ended."""
        with contextlib.suppress(BlockingIOError):
            for _ in os.read(self.fd, 1 << 16):
                batch_no, row = self._ended.get()
                yield batch_no, () if row is None else (row,)

    def _work(self) -> None:
        while True:
            batch_no, spec = self._todo.get()
            with self._core:
                row = self._play(spec)
            self._ended.put((batch_no, row))
            os.write(self._signal, b".")


class Lanes:
    """The matches of a plan in two lanes, each in the plan's order: those that wait, and the others, by iterating.

    What is drawn from a lane that is empty for now may come later: `bool` says whether anything is left at all.
    """

    def __init__(self, specs: Iterable[MatchSpec], waits: Callable[[MatchSpec], bool]) -> None:
        self._specs = iter(specs)
        self._waits = waits
        self._lanes: tuple[deque[MatchSpec], deque[MatchSpec]] = (deque(), deque())

    def __bool__(self) -> bool:
        return any(self._lanes) or self._read()

    def __iter__(self) -> Iterator[MatchSpec]:
        return self

    def __next__(self) -> MatchSpec:
        spec = self._first(waiting=False)
        if spec is None:
            raise StopIteration
        return spec

    def waiting(self) -> MatchSpec | None:
        """Return the next match that waits, None when there is none for now."""
        return self._first(waiting=True)

    def _first(self, *, waiting: bool) -> MatchSpec | None:
        lane, other = self._lanes[waiting], self._lanes[not waiting]
        while not lane and len(other) < _AHEAD and self._read():
            pass
        return lane.popleft() if lane else None

    def _read(self) -> bool:
        spec = next(self._specs, None)
        if spec is not None:
            self._lanes[self._waits(spec)].append(spec)
        return spec is not None
