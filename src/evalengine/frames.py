"""A Python agent's process over the framed protocol of evalengine_host: what is sent, and what is taken from it."""

from __future__ import annotations

import os
import random
import socket
import struct
from typing import TYPE_CHECKING, Any

import msgpack

from evalengine.agent_processes import AgentProcess
from evalengine.model import AgentSpec, Fault, FaultKind, Limits
from evalengine.seats import printable
from evalengine_host import protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from evalengine.contracts import Info
    from evalengine.processes import Zygote

_FAULT_KINDS = frozenset(FaultKind)
_LIMIT_OF = {"memory": ("memory_mib", "MiB"), "disk": ("tmp_mib", "MiB"), "processes": ("processes", "in all")}
_AT_START = (protocol.READY, protocol.FAILED)
PLAIN = frozenset({int, float, str, bool, type(None)})
_MAX_LEVELS = 64  # of lists and mappings in an answer: to compare, to show and to store it is recursive
_PACKET = protocol.PACKET + 1
_AT_ONCE_S = 0.02  # that an answer is waited for without looking at anything else
_TIME = struct.Struct("@ll")
_nonces = random.Random(os.urandom(16))


class FramedProcess(AgentProcess):
    """A Python agent's process, told of its match when it starts, and the frames to and from it."""

    _most = protocol.MAX_ANSWER  # bytes of an answer

    def __init__(self, spec: AgentSpec, info: Info, limits: Limits, zygote: Zygote) -> None:
        super().__init__(info, limits, zygote)
        self._nonce = 0
        self._ready = False
        self._wants_end = False
        self._child, self._socket = zygote.spawn_python(self._job(spec))
        at_once_s = min(_AT_ONCE_S, (limits.turn_s or 1.0) / 10)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIME.pack(0, max(1, int(at_once_s * 1e6))))
        self._clock.start()
        self._watch.look()
        self._deadline_ns = self._clock.due_ns
        if len(info.past):
            self._send(protocol.pack([protocol.PAST, list(info.past)]))

    def _job(self, spec: AgentSpec) -> dict[str, Any]:
        return {**super()._job(spec), "past": len(self.info.past) > 0}

    def settle(self) -> None:
        """Wait until it can be asked."""
        if self._dead is None and not self._ready:
            self._await_ready()

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

    def _question(self) -> None:
        """Begin a question: its answer has to repeat a number that nobody can guess."""
        # The first bit is set so that each takes as much memory in the agent's process: see evalengine_host.heap.
        self._nonce = _nonces.getrandbits(63) | 1 << 63

    def _send(self, body: bytes) -> None:
        if len(body) > protocol.MAX_QUESTION:
            msg = f"an observation of {len(body)} bytes: more than {protocol.MAX_QUESTION} cannot be shown to a process"
            raise ValueError(msg)
        for packet in protocol.frame(self._nonce, body):
            if not self._sent(packet):
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
        body = self._frame()
        return body if type(body) is Fault else self._parsed(body, kinds)

    def _frame(self) -> Any:
        """Return the bytes of one frame that answers the question with `_nonce`, or the Fault that stands for it."""
        packet = self._packet()
        if type(packet) is Fault:
            return packet
        if len(packet) < protocol.HEADER.size:
            return self._broken("a frame without a header")
        size, nonce = protocol.HEADER.unpack_from(packet)
        if nonce != self._nonce or size > self._most:
            return self._broken("a frame that answers no question" if nonce != self._nonce else "too long")
        body = packet[protocol.HEADER.size :]
        while len(body) < size:
            packet = self._packet()
            if type(packet) is Fault:
                return packet
            body += packet
        return body if len(body) == size else self._broken("more bytes than announced")

    def _packet(self) -> Any:
        """Return the next packet, or the Fault of an agent that sends none."""
        packet = self._child.receive(self._socket, _PACKET)
        while packet is None:
            if not self._heard():
                return self._die(self._late())
            try:
                packet = self._socket.recv(_PACKET, socket.MSG_DONTWAIT)
            except ConnectionResetError:
                packet = b""
            except BlockingIOError:
                continue
        return packet or self._gone()

    def _parsed(self, body: bytes, kinds: Collection[int]) -> Any:
        reply = self._unpacked(body)
        if type(reply) is Fault:
            return reply
        # What most answers are, a list of plain values, msgpack itself has checked.
        if not (type(reply) is list and PLAIN.issuperset(map(type, reply))) and not storable(reply):
            return self._broken("nested too deep")
        return reply if _is_reply(reply, kinds) else self._broken("not an answer")

    def _unpacked(self, body: bytes) -> Any:
        try:
            return msgpack.unpackb(body, strict_map_key=False)
        except Exception as error:  # noqa: BLE001 - whatever msgpack makes of hostile bytes is a protocol fault
            return self._broken(f"not msgpack: {type(error).__name__}")

    def _broken(self, why: str) -> Fault:
        return self._die(Fault(FaultKind.PROTOCOL.value, f"broken answer: {why}"))


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
