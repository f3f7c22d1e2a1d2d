"""The seat of a Python agent in a process of its own: one question at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine.frames import FramedProcess
from evalengine.model import Fault, MatchResult
from evalengine.seats import Seat
from evalengine_host import protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalengine.contracts import Request

_END_S = 1.0  # what an agent's own end(result) may take
_AT_TURN = (protocol.ANSWER, protocol.FAILED)


class PythonSeat(FramedProcess, Seat):
    """A Python agent in a fresh process."""

    def ask(self, request: Request) -> None:
        self.settle()
        if self._dead is None:
            self._begin()
            self._question()
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

    def close(self, result: MatchResult | None, *, faulted: bool) -> Mapping[str, str]:
        if self._ready and self._wants_end and result is not None and not faulted and self._dead is None:
            self._nonce = 0
            self._grant(_END_S)
            self._send(protocol.pack([protocol.END, result.scores, result.places]))
            self._child.wait(self._deadline_ns)
        logs = self._logs()
        self._socket.close()
        return logs
