"""Seats of programs in any language: lines on their standard input and output."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from evalengine.model import AgentSpec, Fault, FaultKind, Limits, MatchResult
from evalengine.process_seats import ProcessSeat, storable
from evalengine.seats import printable
from evalengine_host import protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalengine.contracts import Info, Request
    from evalengine.processes import Zygote

_PROGRAM_END_S = 0.2  # what a program may take from the result to its own end


class ProgramSeat(ProcessSeat):
    """A program in any language: one JSON line each way on its standard input and output."""

    def __init__(self, spec: AgentSpec, info: Info, limits: Limits, zygote: Zygote) -> None:
        super().__init__(info, limits, zygote)
        job = self._job(spec)
        self._child, self._out, self._in = zygote.spawn_program(job)
        self._watch.look()
        self._buffer = b""
        self._asked = False
        # Past it the program reads nothing; that it is late is said when it is asked.
        self._grant(limits.start_s or 0.0)
        self._send({"type": "start", **job["info"]})

    def ask(self, request: Request) -> None:
        if self._dead is not None:
            return
        if self._buffer or (self._child.wait(0) and self._read()):
            self._broken("a line before the question", self._buffer)
            return
        self._begin(0.0 if self._asked else self._limits.start_s or 0.0)
        if self._limits.start_s is None and not self._asked:
            self._deadline_ns = None
        self._asked = True
        question = {
            "type": "act",
            "turn": request.turn,
            "seat": request.seat,
            "clock_s": self._clock_s(),
            "legal": request.legal,
            "view": request.view,
        }
        self._send(question)

    def answer(self) -> tuple[Any, Any, int]:
        if self._dead is not None:
            return self._dead, None, 0
        line = self._line()
        took = self._took()
        if type(line) is Fault:
            return line, None, took
        if self._clock.overdrawn():
            return self._die(self._late()), None, took
        return *self._parsed(line), took

    def _parsed(self, line: bytes) -> tuple[Any, Any]:
        """Return action, or the Fault that stands for it, and info."""
        try:
            value = json.loads(line, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return self._broken("not JSON", line), None
        if not storable(value):
            return Fault(FaultKind.ILLEGAL.value, "no action: it cannot be stored"), None
        if not isinstance(value, dict):
            return value, None
        if "action" not in value:
            return self._broken('no "action" in', line), None
        return value["action"], value.get("info")

    def _send(self, message: Mapping[str, Any]) -> None:
        data = memoryview(json.dumps(message, default=_plain, separators=(",", ":")).encode() + b"\n")
        while data:
            try:
                data = data[os.write(self._out, data) :]
            except BlockingIOError:
                if not self._writable(self._out):
                    return  # it does not read: its answer will be late
            except (BrokenPipeError, ConnectionResetError):
                return  # the answer will be that it is gone

    def _line(self) -> Any:
        while b"\n" not in self._buffer[: protocol.MAX_ANSWER + 1]:
            if len(self._buffer) > protocol.MAX_ANSWER:
                return self._broken(f"a line of more than {protocol.MAX_ANSWER} bytes", self._buffer)
            if not self._heard():
                return self._die(self._late())
            if not self._read():
                return self._gone()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _read(self) -> bytes:
        """Take what the program has written; nothing when it hung up."""
        data = os.read(self._in, protocol.PACKET)
        self._buffer += data
        return data

    def _broken(self, why: str, line: bytes) -> Fault:
        shown = printable(line[:60].decode(errors="replace"))
        return self._die(Fault(FaultKind.PROTOCOL.value, f"broken line: {why}: {shown!r}"))

    def close(self, result: MatchResult | None, *, faulted: bool) -> Mapping[str, str]:
        if result is not None and not faulted and self._dead is None:
            self._grant(_PROGRAM_END_S)
            self._send({"type": "end", "scores": result.scores, "places": result.places})
            self._await_end()
        logs = self._logs()
        if self._out >= 0:
            os.close(self._out)
        os.close(self._in)
        return logs

    def _await_end(self) -> None:
        """Close the program's input, and give it a moment to read the result and end by itself."""
        os.close(self._out)
        self._out = -1
        while self._child.wait(self._deadline_ns) and self._read():
            self._buffer = b""


def _no_constant(name: str) -> Any:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else list(value)
