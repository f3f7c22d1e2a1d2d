"""A Python agent kept over the matches of a run: one process a seat, many matches at the same time, asked in rounds.

No fault is judged here. Whatever a kept agent does wrong may be of another match's doing, so a match that ends with a
fault of its is played again in fresh processes, and that counts.
"""

from __future__ import annotations

import itertools
from collections import deque
from typing import TYPE_CHECKING, Any

from evalengine.agent_processes import printed
from evalengine.contracts import Info
from evalengine.frames import PLAIN, FramedProcess, storable
from evalengine.model import AgentSpec, Fault, FaultKind, Limits, MatchResult
from evalengine.seats import Seat
from evalengine_host import protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from evalengine.contracts import Request
    from evalengine.match import Match
    from evalengine.model import Action, View
    from evalengine.processes import Zygote

_MOST_ASKED = 4 << 20  # bytes of a round's questions, before it is sent early
_LONG = _MOST_ASKED // 4096  # of a question; more than so many are never asked in one round
_FOUR = b"\x94"  # msgpack: a list of four
_EXTRAS = {
    protocol.EXTRA_INFO: [object],
    protocol.EXTRA_FAILED: [str, str, str],
    protocol.EXTRA_WRITTEN: [str, bytes],
}
_WHAT = 2  # values of an extra before its own
_round = protocol.pack(protocol.ROUND)
_packed = protocol.packed


class WarmProcess(FramedProcess):
    """The process of one agent in one seat of many matches.

    Attributes:
        asks, asked: the questions of the next round, packed, and whose they are;
        heard: how often it said something.
    """

    _most = protocol.MAX_ANSWERS

    def __init__(self, spec: AgentSpec, info: Info, limits: Limits, zygote: Zygote) -> None:
        super().__init__(spec, info, limits, zygote)
        self.heard = 0
        self._slots = itertools.count()
        self._kinds: dict[tuple[int, int], int] = {}  # of matches that it was told of: by game_no and seats
        self._begins: list[Any] = []
        self._ends: list[Any] = []
        self.asks: list[bytes] = []
        self._size = 0  # bytes of them
        self.asked: list[WarmSeat] = []  # in the order of the questions
        self._awaited: deque[WarmSeat] = deque()  # of those that were sent

    def _job(self, spec: AgentSpec) -> dict[str, Any]:
        return {**super()._job(spec), "warm": True}

    @property
    def log_bytes(self) -> int:
        """What is kept of its output, a match."""
        return self._limits.log_kib << 10

    @property
    def fallen(self) -> Fault | None:
        """What it died of."""
        return self._dead

    def seat(self, match: Match, number: int, seed: int) -> WarmSeat:
        """Begin a match with the next round; return its seat."""
        slot, key = next(self._slots), (match.spec.game_no, len(match.spec.agents))
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = len(self._kinds)
            self._begins.append((slot, kind, seed, self._told_of(Info(match.game, number, match.sides, seed))))
        else:
            self._begins.append((slot, kind, seed))
        return WarmSeat(self, slot, number)

    def _told_of(self, info: Info) -> dict[str, Any]:
        info.turn_s, info.clock = self.info.turn_s, self.info.clock
        self.info = info
        return self._told()

    def put_long(self, question: bytes) -> None:
        """Take note of a long question, and send the round when those become too much for one."""
        if len(question) > protocol.MAX_QUESTION - _MOST_ASKED:
            msg = f"an observation of {len(question)} bytes: more cannot be shown to a process that is kept"
            raise ValueError(msg)
        self._size += len(question)
        if self._size > _MOST_ASKED:
            self.exchange()

    def end(self, slot: int, result: MatchResult | None) -> None:
        """End a match with the next round."""
        told = result is not None and self._wants_end
        self._ends.append((slot, result.scores, result.places) if told else (slot,))  # type: ignore[union-attr]  # it is there

    def flush(self) -> None:
        """Send a round, if there is anything to ask and none is out."""
        if not self.asks or self._awaited:
            return
        self.settle()
        begins, asks, ends, asked = self._begins, self.asks, self._ends, self.asked
        self._begins, self.asks, self._ends, self.asked, self._size = [], [], [], [], 0
        if self._dead is not None:
            _fail(asked, self._dead)
            return
        self._awaited.extend(asked)
        self._question()
        self._begin()
        head = b"\xdd" + len(asks).to_bytes(4)  # msgpack: a list of so many
        self._send(b"".join((_FOUR, _round, protocol.pack(begins), head, *asks, protocol.pack(ends))))

    def exchange(self) -> None:
        """Have all questions answered."""
        self.flush()
        while self._awaited:
            self.hear()
        self.flush()
        while self._awaited:
            self.hear()

    def hear(self) -> None:
        """Wait for answers to some of the questions that were sent, in their order."""
        reply = self._receive((protocol.ANSWERS,))
        self.heard += 1
        self._took()
        if type(reply) is not Fault and self._clock.overdrawn():
            reply = self._die(self._late())
        if type(reply) is Fault:
            _fail(self._awaited, reply)
            self._awaited.clear()
            return
        _, actions, took_us, extras = reply
        seats = [self._awaited.popleft() for _ in actions]
        for seat, action, took in zip(seats, actions, took_us, strict=True):
            seat.reply = action, None, took * 1000
        for place, what, *values in extras:
            seats[place].beside(what, values, self._failed)
        if self._awaited:
            self._begin()

    def _parsed(self, body: bytes, kinds: Collection[int]) -> Any:
        if not self._awaited:
            return super()._parsed(body, kinds)
        reply = self._unpacked(body)
        if type(reply) is Fault or self._is_round(reply):
            return reply
        return self._broken("not the answers to a round")

    def _is_round(self, reply: Any) -> bool:
        if type(reply) is not list or len(reply) != 4 or reply[0] != protocol.ANSWERS:  # noqa: PLR2004 - its parts
            return False
        _, actions, took_us, extras = reply
        if not type(actions) is type(took_us) is type(extras) is list:
            return False
        if not 0 < len(actions) == len(took_us) <= len(self._awaited):
            return False
        if not all(type(took) is int and 0 <= took < 1 << 53 for took in took_us):
            return False
        if not PLAIN.issuperset(map(type, actions)) and not storable(actions):
            return False
        return all(_is_extra(extra, len(actions)) for extra in extras)

    def written(self) -> Mapping[str, bytes]:
        """Return what it wrote past Python's own streams since the last time."""
        return self._child.take_logs() if any(self._child.logs.values()) else {}

    def close(self) -> None:
        """End it."""
        self._logs()
        self._socket.close()


def _fail(seats: Sequence[WarmSeat] | deque[WarmSeat], fault: Fault) -> None:
    for seat in seats:
        seat.reply = fault, None, 0


def _is_extra(extra: Any, answers: int) -> bool:
    """Say whether an extra has the shape of one; types exact."""
    if type(extra) is not list or len(extra) <= _WHAT or type(extra[0]) is not int or not 0 <= extra[0] < answers:
        return False
    wanted = _EXTRAS.get(extra[1]) if type(extra[1]) is int else None
    if wanted == [object]:
        return len(extra) == _WHAT + 1 and storable(extra[_WHAT])
    if [type(value) for value in extra[_WHAT:]] != wanted:
        return False
    return extra[1] != protocol.EXTRA_FAILED or extra[_WHAT] in frozenset(FaultKind)


class WarmSeat(Seat):
    """A match of an agent that is kept.

    Attributes:
        number: the seat's; reply: (action or Fault, info, nanoseconds) once it has answered.
    """

    def __init__(self, process: WarmProcess, slot: int, number: int) -> None:
        self.number = number
        self.reply: tuple[Any, Any, int] | None = None
        self._process = process
        self._slot = slot
        self._logs: dict[str, bytes] | None = None

    def ask(self, request: Request) -> None:
        self.put(request.turn, request.view, request.legal)

    def put(self, turn: int, view: View, legal: Sequence[Action] | None) -> None:
        """Ask with the next round."""
        self.reply = None
        process, question = self._process, _packed((self._slot, turn, view, legal))
        if len(question) > _LONG:
            process.put_long(question)
        process.asks.append(question)
        process.asked.append(self)

    def answer(self) -> tuple[Any, Any, int]:
        if self.reply is None:
            self._process.exchange()
        assert self.reply is not None
        return self.reply

    def beside(self, what: int, values: Sequence[Any], failed: Any) -> None:
        """Take what came beside an action."""
        assert self.reply is not None
        action, info, took = self.reply
        if what == protocol.EXTRA_INFO:
            self.reply = action, values[0], took
        elif what == protocol.EXTRA_FAILED:
            self.reply = failed([what, *values]), info, took
        else:
            stream, text = values
            self._write(stream, text)

    def _write(self, stream: str, text: bytes) -> None:
        if self._logs is None:
            self._logs = {}
        room = self._process.log_bytes - sum(map(len, self._logs.values()))
        name = "stderr" if stream == "stderr" else "stdout"
        self._logs[name] = self._logs.get(name, b"") + text[: max(0, room)]

    def close(self, result: MatchResult | None, *, faulted: bool) -> Mapping[str, str]:
        self._process.end(self._slot, None if faulted else result)
        for stream, text in self._process.written().items():
            self._write(stream, text)
        return printed(self._logs) if self._logs else {}
