"""A worker process: takes batches of matches, asks the seats, sends results. No hook, no SQL."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalengine import plugins, wire
from evalengine.contracts import Game, Info
from evalengine.match import Match
from evalengine.model import (
    AgentSpec,
    Containment,
    Fault,
    FaultKind,
    GameSpec,
    Limits,
    MatchResult,
    MatchSpec,
    Played,
    Termination,
)
from evalengine.process_seats import PythonSeat, by_cpu
from evalengine.processes import Zygote
from evalengine.program_seats import ProgramSeat
from evalengine.seats import LocalSeat, Seat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import zmq

_PULSE_S = 0.5
_LONGEST_REPR = 1000
_REPLAYS = 2
_PR_SET_PDEATHSIG = 1
_clock = time.perf_counter_ns


@dataclass(frozen=True, kw_only=True, slots=True)
class Orders:
    """All that a worker must know of a run; it crosses the process border once."""

    games: tuple[tuple[GameSpec, Mapping[str, Any]], ...]  # with their configuration
    agents: tuple[AgentSpec, ...]
    limits: Limits
    sys_path: tuple[str, ...] = ()
    containment: Containment | None = None  # of agents from outside
    cores: tuple[int, ...] = ()  # worker k runs on core k modulo their number; empty: anywhere


class Worker:
    """Plays matches with the games and agents of one run.

    Attributes:
        match: the match that is being played; finished: how many were.
    """

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._games: dict[int, Game] = {}
        self._makers: dict[int, Callable[[], Any]] = {}
        self._paths: dict[tuple[int, int], str] = {}  # by seat and agent
        self._zygote = Zygote(orders.containment)
        self.match: Match | None = None
        self.finished = 0

    @property
    def progress(self) -> int:
        """A number that changes whenever a turn ends."""
        match = self.match
        return (self.finished << 32) + (len(match.log[1]) if match is not None else 0)

    def play(self, spec: MatchSpec, replays: int = _REPLAYS) -> Played:
        """Return the result of one match; void when the game, the engine, or the machine's load failed it.

        Args:
            replays: how often a match is played again in which an agent was late since it had to wait for a core.
        """
        started, began = time.time(), _clock()
        seats: list[Seat] = []
        thought: list[int] = []
        self.match = None
        try:
            self.match = match = Match(spec, self._game(spec.game_no))
            for number, agent in enumerate(spec.agents):  # one by one: what is made is closed if the next fails
                seats.append(self._seat(match, number, agent))
            _drive(match, seats, thought)
            logs = _closed(match, seats)
            contended = match.result is not None and match.result.faults and any(seat.contended for seat in seats)
            seats = []
            if contended:
                return self.play(spec, replays - 1) if replays else _contended(match, started, _clock() - began)
            return _played(match, logs, thought, started, _clock() - began)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the worker's border: a broken game voids its match only
            return _void(spec, self.match, error, started, _clock() - began)
        finally:
            self.finished += 1
            for seat in seats:
                with contextlib.suppress(Exception):  # the first error is the one that is told
                    seat.close(None, faulted=True)

    def _game(self, game_no: int) -> Game:
        if game_no not in self._games:
            self._games[game_no] = plugins.build_game(*self._orders.games[game_no])
        return self._games[game_no]

    def _seat(self, match: Match, seat: int, agent_no: int) -> Seat:
        orders = self._orders
        spec = orders.agents[agent_no]
        info = Info(match.game, seat, match.sides, match.spec.seed, self._path(seat, agent_no))
        if spec.kind == "trusted":
            if spec.payload:
                _seed(info.seed)
            return LocalSeat(self._maker(agent_no), info)
        limits = orders.limits if spec.limits is None else spec.limits
        kind = PythonSeat if spec.kind == "python" else ProgramSeat
        info.turn_s, info.match_s, info.increment_s = limits.turn_s, limits.match_s, limits.increment_s
        info.clock = "cpu" if by_cpu(limits, engine=kind.engine) else "wall"
        return kind(spec, info, limits, self._zygote)

    def _path(self, seat: int, agent_no: int) -> str:
        """Return the path of an agent's seed below a match's."""
        path = self._paths.get((seat, agent_no))
        if path is None:
            spec = self._orders.agents[agent_no]
            # The bytes of a function of the caller's differ from process to process; its name does not.
            path = self._paths[seat, agent_no] = repr(("agent", seat, spec.name if spec.payload else spec.version))
        return path

    def _maker(self, agent_no: int) -> Callable[[], Any]:
        if agent_no not in self._makers:
            self._makers[agent_no] = agent_maker(self._orders.agents[agent_no])
        return self._makers[agent_no]

    def close(self) -> None:
        """End the processes that agents are forked from."""
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
    made = plugins.imported(spec.factory, f"agent {spec.name!r}")
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
                match.fault(request.seat, action)
            else:
                match.answer(request.seat, action, info)


def _closed(match: Match, seats: Sequence[Seat]) -> tuple[tuple[int, str, str], ...]:
    """End the agents and return their logs as (seat, stream, text)."""
    assert match.result is not None
    if not any([seat.closes for seat in seats]):  # noqa: C419 - once a match: a list is faster than a generator
        return ()
    faulted = {seat for _, seat, _ in match.result.faults}
    return tuple(
        (number, stream, text)
        for number, seat in enumerate(seats)
        for stream, text in _logs(seat, match.result, faulted=number in faulted).items()
    )


def _logs(seat: Seat, result: MatchResult, *, faulted: bool) -> Mapping[str, str]:
    try:
        return seat.close(result, faulted=faulted)
    except (Exception, SystemExit):  # noqa: BLE001 - the agent border: the match is over, what its end() does changes nothing
        return {"end": traceback.format_exc()}


def _played(
    match: Match, logs: tuple[tuple[int, str, str], ...], thought: Sequence[int], started: float, took_ns: int
) -> Played:
    scores, places, termination, turns, faults = match.result  # type: ignore[misc]  # it is over
    return Played(
        match.spec.match_no,
        scores,
        places,
        termination,
        turns,
        wire.pack_turns(match.log),
        wire.pack([took // 1000 for took in thought]),
        started,
        took_ns / 1e9,
        _packed_infos(match.infos) if match.infos else None,
        faults,
        logs,
    )


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
    return _empty(spec, match, f"{plugins.one_line(error)}\n{told}", started, took_ns)


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
    worker = Worker(orders)
    context = zmq.Context()
    pulse = _Pulse(context, endpoint, worker_no, worker)
    pulse.start()
    connection = context.socket(zmq.DEALER)
    connection.setsockopt(zmq.IDENTITY, b"worker-%d" % worker_no)
    connection.connect(endpoint)
    connection.send(wire.pack([wire.READY, wire.VERSION, os.getpid()]))
    _serve(connection, worker, pulse)
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
