"""Seats of agents in processes of their own: the clocks and ends that all share, and Python agents over frames."""

from __future__ import annotations

import os
import random
import shutil
import socket
import tempfile
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgpack

from evalengine import tasks
from evalengine.clocks import Clock
from evalengine.model import AgentSpec, Fault, FaultKind, Limits, MatchResult
from evalengine.seats import Seat, printable
from evalengine.watch import Watch
from evalengine_host import protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from evalengine.contracts import Info, Request
    from evalengine.processes import Child, Zygote

_END_S = 1.0  # what an agent's own end(result) may take
_FAULT_KINDS = frozenset(FaultKind)
_LIMIT_OF = {"memory": ("memory_mib", "MiB"), "disk": ("tmp_mib", "MiB"), "processes": ("processes", "in all")}
_AT_START = (protocol.READY, protocol.FAILED)
_AT_TURN = (protocol.ANSWER, protocol.FAILED)
_PLAIN = frozenset({int, float, str, bool, type(None)})
_MAX_LEVELS = 64  # of lists and mappings in an answer: to compare, to show and to store it is recursive
_nonces = random.Random(os.urandom(16))


class ProcessSeat(Seat):
    """An untrusted agent in a fresh process: the clocks and the ends that all kinds share."""

    _talks = False  # whether several lines may make an answer

    def __init__(self, info: Info, limits: Limits, zygote: Zygote) -> None:
        self._limits = limits
        # At a level with a file system of the agent's own there is no folder outside.
        self._tmp = "" if zygote.private_tmp else tempfile.mkdtemp(prefix="evalengine-")
        self._child: Child
        self._enter(info)

    @property
    def pid(self) -> int:
        """The number of its process, as we see it."""
        return self._child.pid

    @property
    def fallen(self) -> Fault | None:
        """What it died of in this match."""
        return self._dead

    def _enter(self, info: Info) -> None:
        """Begin a match."""
        self.info = info
        self._dead: Fault | None = None
        self._deadline_ns: int | None = None  # when to look at the clock; when it is late, if no clock runs
        self._used_ns = 0  # in matches before this one
        if "_clock" in self.__dict__:  # of the match before, for a process that stays
            self._clock.thaw()
            self._used_ns = tasks.cpu_ns(self._child.pid)
            self._child.watchers.discard(self._clock.watch)
            del self._clock

    @cached_property
    def _clock(self) -> Clock:
        """Its clock in this match, made once its process is there."""
        made = Clock(
            self._limits, self._child, by_cpu=self.info.clock == "cpu", talks=self._talks, used_ns=self._used_ns
        )
        self._child.watchers.add(made.watch)
        return made

    @cached_property
    def _watch(self) -> Watch:
        return Watch(self._limits, self._child, self._tmp)

    def _told(self) -> dict[str, Any]:
        """Return what every agent is told before a match."""
        info = self.info
        return {
            "game": info.game,
            "config": dict(info.config),
            "information": info.information,
            "seat": info.seat,
            "seats": info.seats,
            "sides": info.sides,
            "seed": info.seed,
            "turn_s": info.turn_s,
            "match_s": info.match_s,
            "increment_s": info.increment_s,
            "clock": info.clock,
            "past": info.past,
        }

    def _job(self, spec: AgentSpec) -> dict[str, Any]:
        return {
            "kind": spec.kind,
            "folder": spec.path,
            "entry": spec.entry,
            "argv": spec.argv,
            "memory_mib": self._limits.memory_mib,
            "processes": self._limits.processes,
            "tmp_mib": self._limits.tmp_mib,
            "log_kib": self._limits.log_kib,
            "tmp": self._tmp,
            "info": self._told(),
        }

    def _clock_s(self) -> float | None:
        """Return the seconds of the tighter limit that are left for the next answer."""
        return self._clock.left_s()

    def _begin(self, free_s: float = 0.0) -> None:
        """Start the clock of an answer; `free_s` more than its limit are not counted."""
        self._clock.begin(free_s)
        self._deadline_ns = self._clock.due_ns

    def _heard(self) -> bool:
        """Wait until it says something; False when a limit of time is exceeded."""
        clock, child = self._clock, self._child
        while True:
            due = self._deadline_ns
            looks = (due is None or clock.look_ns < due) and not child.noted
            if child.wait(clock.look_ns if looks else due):
                return True
            if looks:
                clock.look_around()
                if self._watch.fault is not None:
                    return False
            elif not self._goes_on():
                return False

    def _writable(self, descriptor: int) -> bool:
        """Wait until the way to it takes more; False when a limit of time is exceeded."""
        while not self._child.writable(descriptor, self._deadline_ns):
            self._clock.look_around()
            if not self._goes_on():
                return False
        return True

    def _goes_on(self) -> bool:
        """Say whether it may go on, now that its time is due; then it is due later."""
        goes_on = self._clock.again()
        self._deadline_ns = self._clock.due_ns
        return goes_on

    def _took(self) -> int:
        """Return how long the answer took, and take that off the limit of the match."""
        return self._clock.stop()

    def _late(self) -> Fault:
        if self._watch.fault is not None:
            return self._watch.fault
        fault = self._clock.fault()
        self.contended = self._clock.contended
        return fault

    def _grant(self, seconds: float) -> None:
        """Let it hear the result, and give it so long by the wall clock."""
        self._clock.thaw()
        self._deadline_ns = time.perf_counter_ns() + int(seconds * 1e9)

    def _die(self, fault: Fault) -> Fault:
        self._dead = fault
        self._child.kill()
        return fault

    def _gone(self) -> Fault:
        """Return the fault of an agent that hung up, once its process has told why."""
        if not self._child.linger():
            return self._die(Fault(FaultKind.PROTOCOL.value, "it closed its connection"))
        ending = self._child.kill()
        if self._watch.fault is not None:
            return self._die(self._watch.fault)
        return self._die(Fault(FaultKind.CRASH.value, f"its process ended: {ending}"))

    def _logs(self) -> Mapping[str, str]:
        self._child.kill()
        self._child.watchers.discard(self._clock.watch)
        self._watch.end()
        if self._tmp:
            shutil.rmtree(self._tmp, ignore_errors=True)
        return printed(self._child.take_logs())


class PythonSeat(ProcessSeat):
    """A Python agent over the framed protocol of evalengine_host."""

    def __init__(self, spec: AgentSpec, info: Info, limits: Limits, zygote: Zygote) -> None:
        super().__init__(info, limits, zygote)
        self._nonce = 0
        self._ready = False
        self._wants_end = False
        self._child, self._socket = zygote.spawn_python(self._job(spec))
        self._clock.start()
        self._watch.look()
        self._deadline_ns = self._clock.due_ns

    def settle(self) -> None:
        if self._dead is None and not self._ready:
            self._await_ready()

    def ask(self, request: Request) -> None:
        self.settle()
        if self._dead is None:
            self._begin()
            self._nonce = _nonces.getrandbits(64)
            question = [protocol.ASK, request.turn, self._clock_s(), request.view, request.legal]
            self._send(protocol.pack(question))

    def answer(self) -> tuple[Any, Any, int]:
        if self._dead is not None:
            return self._dead, None, 0
        reply = self._receive(_AT_TURN)
        took = self._took()
        if type(reply) is Fault:
            return reply, None, took
        if self._clock.overdrawn():
            return self._die(self._late()), None, took
        if reply[0] == protocol.ANSWER:
            return reply[1], reply[2], took
        return self._failed(reply), None, took

    def _await_ready(self) -> None:
        """Wait for what the agent says first; it has loaded, or it is dead."""
        reply = self._receive(_AT_START)
        self._took()
        if type(reply) is Fault:
            return
        if self._clock.overdrawn():
            self._die(self._late())
            return
        if reply[0] == protocol.READY:
            self._ready = True
            self._wants_end = reply[2] is True
        else:
            self._dead = self._failed(reply)

    def _failed(self, reply: Any) -> Fault:
        _, kind, detail, traceback = reply
        line = printable(detail).replace("\n", " ")
        name, unit = _LIMIT_OF.get(kind, ("", ""))
        limit = getattr(self._limits, name) if name else None
        told = f"; the limit is {limit} {unit}" if limit is not None else ""
        return Fault(FaultKind(kind).value, line[:300] + told, printable(traceback)[:8000])

    def _send(self, body: bytes) -> None:
        if len(body) > protocol.MAX_QUESTION:
            msg = f"an observation of {len(body)} bytes: more than {protocol.MAX_QUESTION} cannot be shown to a process"
            raise ValueError(msg)
        if not all(map(self._sent, protocol.frame(self._nonce, body))):
            return  # it does not read, or is gone: its answer will say so

    def _sent(self, packet: bytes) -> bool:
        while True:
            try:
                self._socket.send(packet, socket.MSG_DONTWAIT)
            except BlockingIOError:
                if not self._writable(self._socket.fileno()):
                    return False
            except (BrokenPipeError, ConnectionResetError):
                return False
            else:
                return True

    def _receive(self, kinds: Collection[int]) -> Any:
        """Return one checked reply of `kinds` to the question with `_nonce`, or the Fault that stands for it."""
        body = b""
        missing = None
        while missing is None or missing > 0:
            if not self._heard():
                return self._die(self._late())
            try:
                packet = self._socket.recv(protocol.PACKET + 1, socket.MSG_DONTWAIT)
            except ConnectionResetError:
                packet = b""
            except BlockingIOError:
                continue
            if not packet:
                return self._gone()
            if missing is None:
                if len(packet) < protocol.HEADER.size:
                    return self._broken("a frame without a header")
                missing, nonce = protocol.HEADER.unpack_from(packet)
                packet = packet[protocol.HEADER.size :]
                if nonce != self._nonce or missing > protocol.MAX_ANSWER:
                    return self._broken("a frame that answers no question" if nonce != self._nonce else "too long")
            body += packet
            missing -= len(packet)
        return self._parsed(body, kinds) if missing == 0 else self._broken("more bytes than announced")

    def _parsed(self, body: bytes, kinds: Collection[int]) -> Any:
        try:
            reply = msgpack.unpackb(body, strict_map_key=False)
        except Exception as error:  # noqa: BLE001 - whatever msgpack makes of hostile bytes is a protocol fault
            return self._broken(f"not msgpack: {type(error).__name__}")
        # What most answers are, a list of plain values, msgpack itself has checked.
        if not (type(reply) is list and _PLAIN.issuperset(map(type, reply))) and not storable(reply):
            return self._broken("nested too deep")
        return reply if _is_reply(reply, kinds) else self._broken("not an answer")

    def _broken(self, why: str) -> Fault:
        return self._die(Fault(FaultKind.PROTOCOL.value, f"broken answer: {why}"))

    def close(self, result: MatchResult | None, *, faulted: bool) -> Mapping[str, str]:
        if self._ready and self._wants_end and result is not None and not faulted and self._dead is None:
            self._nonce = 0
            self._grant(_END_S)
            self._send(protocol.pack([protocol.END, result.scores, result.places]))
            self._child.wait(self._deadline_ns)
        logs = self._logs()
        self._socket.close()
        return logs


def printed(logs: Mapping[str, bytes]) -> Mapping[str, str]:
    """Return logs as they are stored."""
    return {name: printable(log.decode(errors="replace")) for name, log in logs.items() if log}


def storable(value: Any) -> bool:
    """Say whether `value` can be stored: no numbers beyond 64 bits, no halves of characters, few levels."""
    try:
        msgpack.packb(value)
    except (ValueError, OverflowError, TypeError, RecursionError):
        return False
    return _is_shallow(value, _MAX_LEVELS)


def _is_shallow(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return True
    return levels > 0 and all(_is_shallow(inner, levels - 1) for inner in value)


def _is_reply(reply: Any, kinds: Collection[int]) -> bool:
    """Say whether `reply` has the shape of one of `kinds`; types exact."""
    if type(reply) is not list or not reply or type(reply[0]) is not int or reply[0] not in kinds:
        return False
    types = [type(value) for value in reply[1:]]
    if reply[0] == protocol.READY:
        return types == [str, bool]
    if reply[0] == protocol.FAILED:
        return types == [str, str, str] and reply[1] in _FAULT_KINDS
    return len(types) == 2  # noqa: PLR2004 - an action and an info, both anything
