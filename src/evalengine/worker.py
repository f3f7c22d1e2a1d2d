"""A worker process: takes batches of matches, asks the seats, sends results. No hook, no SQL."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import random
import signal
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalengine import references, wire
from evalengine.clocks import by_cpu
from evalengine.contracts import Game, Info
from evalengine.errors import GameError
from evalengine.match import Match
from evalengine.model import (
    ENGINE_DIALECTS,
    AgentSpec,
    Fault,
    FaultKind,
    MatchResult,
    MatchSpec,
    Orders,
    Played,
    Termination,
)
from evalengine.process_seats import PythonSeat
from evalengine.processes import Zygote
from evalengine.program_seats import ProgramSeat
from evalengine.seats import LocalSeat, Seat
from evalengine.seeding import derive_each
from evalengine.waiting import Core, Pool, waits_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import zmq

_PULSE_S = 0.5
_AGENTS = "agents"  # the path of their seeds
_LONGEST_REPR = 1000
_REPLAYS = 2
_PR_SET_PDEATHSIG = 1
_clock = time.perf_counter_ns
_made = tuple.__new__  # a named tuple's own __new__ costs twice as much


class Worker:
    """Plays matches with the games and agents of one run.

    Attributes:
        match: the match that is being played; finished: how many were.
    """

    def __init__(self, orders: Orders, core: Core | None = None) -> None:
        self._orders = orders
        self._core = core or Core()  # whoever plays in one of several threads holds it
        self._games: dict[int, Game] = {}
        self._makers: dict[int, Callable[[], Any]] = {}  # by agent, of trusted ones
        self._resting: dict[int, list[Seat]] = {}  # by agent: seats whose programs wait for another match
        self._zygote = Zygote(orders.containment)
        self._seeds: tuple[int, list[int]] = (-1, [])  # of a match, and its agents'
        self.match: Match | None = None
        self.finished = 0

    @property
    def progress(self) -> int:
        """A number that changes whenever a turn ends."""
        match = self.match
        turns = len(match.log[1]) if match is not None else 0
        return (self.finished << 32) + turns + self._core.passed

    def play(self, spec: MatchSpec, replays: int = _REPLAYS) -> Played:
        """Return the result of one match; void when the game, the engine, or the machine's load failed it.

        Args:
            replays: how often a match is played again in which an agent was late since it had to wait for a core.
        """
        started, began = time.time(), _clock()
        seats: list[Seat] = []
        thought: list[int] = []
        self.match = match = None
        try:
            self.match = match = Match(spec, self._game(spec.game_no))
            if spec.seed != self._seeds[0] or len(self._seeds[1]) != len(spec.agents):  # else the rotation has them
                self._seeds = spec.seed, derive_each(spec.seed, _AGENTS, len(spec.agents))
            seeds, sides, makers = self._seeds[1], match.sides, self._makers
            for number, agent in enumerate(spec.agents):  # one by one: what is made is closed if the next fails
                info, make = Info(match.game, number, sides, seeds[number]), makers.get(agent)
                seats.append(self._seat(info, agent) if make is None else LocalSeat(make, info))
            _drive(match, seats, thought)
            logs = self._closed(match, seats)
            contended = match.result.faults and any(seat.contended for seat in seats)  # type: ignore[union-attr]  # it is over
            seats = []
            if contended:
                return self.play(spec, replays - 1) if replays else _contended(match, started, _clock() - began)
            return _played(match, logs, thought, started, _clock() - began)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the worker's border: a broken game voids its match only
            return _void(spec, match, error, started, _clock() - began)
        finally:
            self.finished += 1
            for seat in seats:
                with contextlib.suppress(Exception):  # the first error is the one that is told
                    seat.close(None, faulted=True)

    def _game(self, game_no: int) -> Game:
        if game_no not in self._games:
            made = references.build_game(*self._orders.games[game_no])
            versions = self._orders.versions
            if versions and made.spec.version != versions[game_no]:
                msg = (
                    f"game {made.spec.name!r} was version {versions[game_no]} when the run began and is "
                    f"{made.spec.version} now: a file that it reads was changed meanwhile"
                )
                raise GameError(msg)
            self._games[game_no] = made
        return self._games[game_no]

    def _seat(self, info: Info, agent_no: int) -> Seat:
        """Return the seat of an agent from outside, of a function of the caller's, or of one that is met first."""
        orders = self._orders
        spec = orders.agents[agent_no]
        if spec.payload:
            _seed(info.seed)
            return LocalSeat(agent_maker(spec), info)
        if spec.waits_s:
            info.run_folder, info.waiting = orders.run_folder, self._core.released
            return LocalSeat(agent_maker(spec), info)
        if spec.kind == "trusted":
            make = self._makers[agent_no] = agent_maker(spec)
            return LocalSeat(make, info)
        limits = orders.limits if spec.limits is None else spec.limits
        info.turn_s, info.match_s, info.increment_s = limits.turn_s, limits.match_s, limits.increment_s
        info.clock = "cpu" if by_cpu(limits, engine=spec.dialect in ENGINE_DIALECTS) else "wall"
        if self._resting.get(agent_no):
            rested = self._resting[agent_no].pop()
            rested.again(info)
            return rested
        kind = PythonSeat if spec.kind == "python" else ProgramSeat
        return kind(spec, info, limits, self._zygote)

    def _closed(self, match: Match, seats: Sequence[Seat]) -> tuple[tuple[int, str, str], ...]:
        """End the agents, or let them rest, and return their logs as (seat, stream, text)."""
        assert match.result is not None
        for seat in seats:
            if seat.closes:
                break
        else:
            return ()
        faulted = {seat for _, seat, _ in match.result.faults}
        logs = []
        for number, seat in enumerate(seats):
            found = self._ended(seat, match.spec.agents[number], match.result, faulted=number in faulted)
            logs += [(number, stream, text) for stream, text in found.items()]
        return tuple(logs)

    def _ended(self, seat: Seat, agent_no: int, result: MatchResult, *, faulted: bool) -> Mapping[str, str]:
        if self._orders.keep_programs and not faulted:
            logs = _guarded(lambda: seat.rest(result))
            if logs is not None:
                self._resting.setdefault(agent_no, []).append(seat)
                return logs
        return _guarded(lambda: seat.close(result, faulted=faulted)) or {}

    def close(self) -> None:
        """End the processes that agents are forked from."""
        for seat in [seat for seats in self._resting.values() for seat in seats]:
            seat.close(None, faulted=False)
        self._zygote.close()


def agent_maker(spec: AgentSpec) -> Callable[[], Any]:
    """Return what makes a trusted agent anew for a match.

    Raises:
        PluginError: its factory cannot be imported.
    """
    if spec.payload:
        import dill

        # Unpickled for each match: a counter that it closes over starts afresh, whichever worker plays.
        return lambda: _instance(dill.loads(spec.payload), {})  # noqa: S301 - the caller's own
    made = references.imported(spec.factory, f"agent {spec.name!r}")
    if isinstance(made, type) and not spec.config:
        return made
    return lambda: _instance(made, spec.config)


def _seed(seed: int) -> None:
    """Seed the global generators, which functions of the caller use as often as their own."""
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed & 0xFFFFFFFF)


def _instance(made: Any, config: Mapping[str, Any]) -> Any:
    return made(**config) if isinstance(made, type) else made


def _drive(match: Match, seats: Sequence[Seat], thought: list[int]) -> None:
    """Ask the seats until the match is over."""
    acts, infos = [seat.act for seat in seats], [seat.info for seat in seats]
    if None in acts:
        for seat in seats:
            seat.settle()
    while True:
        thought += match.advance(acts, infos, _clock)
        if match.over:
            return
        requests = match.requests()
        for request in requests:
            seats[request.seat].ask(request)
        # Agents in this process answer last: their thought must not run on the others' clocks.
        heard = {
            request.seat: seats[request.seat].answer()
            for request in sorted(requests, key=lambda request: seats[request.seat].act is not None)
        }
        for request in requests:
            action, info, took = heard[request.seat]
            thought.append(took)
            if type(action) is Fault:
                match.fault(request.seat, action, info)
            else:
                match.answer(request.seat, action, info)


def _guarded(call: Callable[[], Mapping[str, str] | None]) -> Mapping[str, str] | None:
    try:
        return call()
    except (Exception, SystemExit):  # noqa: BLE001 - the agent border: the match is over, what its end() does changes nothing
        return {"end": traceback.format_exc()}


def _played(
    match: Match, logs: tuple[tuple[int, str, str], ...], thought: Sequence[int], started: float, took_ns: int
) -> Played:
    scores, places, termination, turns, faults = match.result  # type: ignore[misc]  # it is over
    infos = _packed_infos(match.infos) if match.infos else None
    turns_blob, think_us = wire.pack_turns(match.log), wire.pack([took // 1000 for took in thought])
    return _made(
        Played,
        (match.spec[0], scores, places, termination, turns, turns_blob, think_us, started, took_ns / 1e9,
         infos, faults, logs, ""),
    )  # fmt: skip


def _packed_infos(infos: Sequence[tuple[int, int, Any]]) -> bytes:
    """Return infos as bytes; what of a trusted agent's cannot be packed as its repr."""
    try:
        return wire.pack(infos)
    except Exception:  # noqa: BLE001 - whatever an agent's own value does when it is packed
        return wire.pack([(turn, seat, _packable(info)) for turn, seat, info in infos])


def _packable(info: Any) -> Any:
    try:
        wire.pack(info)
    except Exception:  # noqa: BLE001 - as above
        return _plain_text(repr(info)[:_LONGEST_REPR])
    return info


def _plain_text(text: str) -> str:
    """Return `text` without what UTF-8 cannot hold."""
    return text.encode(errors="backslashreplace").decode()


def _contended(match: Match, started: float, took_ns: int) -> Played:
    assert match.result is not None
    told = next(fault.detail for _, _, fault in match.result.faults if fault.kind == FaultKind.TIMEOUT.value)
    error = f"contended, {1 + _REPLAYS} times in a row: {told}. Use --clock cpu, fewer --workers or more seconds"
    return _empty(match.spec, match, error, started, took_ns)


def _void(spec: MatchSpec, match: Match | None, error: BaseException, started: float, took_ns: int) -> Played:
    told = "".join(traceback.format_exception(error))
    return _empty(spec, match, f"{references.one_line(error)}\n{told}", started, took_ns)


def _empty(spec: MatchSpec, match: Match | None, error: str, started: float, took_ns: int) -> Played:
    """Return a void row."""
    nothing = wire.pack([])
    return Played(
        spec.match_no,
        (0.0,) * len(spec.agents),
        (1,) * len(spec.agents),
        Termination.VOID.value,
        len(match.log[1]) if match is not None else 0,  # the fast path writes `turn` back at its end only
        nothing,
        nothing,
        started,
        took_ns / 1e9,
        error=_plain_text(error[:8000]),
    )


# --------------------------------------------------------------------------------- the process


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


def _serve(connection: zmq.Socket[bytes], worker: Worker, pulse: _Pulse) -> None:
    while True:
        kind, *rest = wire.unpack(connection.recv())
        if kind == wire.STOP:
            return
        batch_no, specs = rest
        rows = []
        for fields in specs:
            if pulse.cancelled:
                break
            rows.append(worker.play(wire.spec_of(fields)))
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
        played = []
        for spec in specs:
            with core:
                if pulse.cancelled:
                    break
                played.append(worker.play(spec))
        connection.send(_packed([wire.RESULT, batch_no, played]))


def _packed(message: Sequence[Any]) -> bytes:
    """Return a RESULT as bytes; texts that UTF-8 cannot hold without what it cannot."""
    try:
        return wire.pack(message)
    except UnicodeEncodeError:
        return wire.pack(_clean(message))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _plain_text(value)
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
