"""Seats of programs in any language: a dialect's lines on their standard input and output."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from evalengine.agent_processes import AgentProcess, printed
from evalengine.dialects.gtp import Gtp
from evalengine.dialects.json_lines import JsonLines
from evalengine.dialects.plain_text import PlainText
from evalengine.dialects.uci import Uci
from evalengine.dialects.xboard import XBoard
from evalengine.frames import storable
from evalengine.lines import Lines, LongLineError
from evalengine.model import AgentSpec, Fault, FaultKind, Limits, MatchResult
from evalengine.seats import Seat, printable
from evalengine.talk import Dialect, Question, Talk, TalkError
from evalengine_host import protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evalengine.contracts import Info, Request
    from evalengine.processes import Zygote

_PROGRAM_END_S = 0.2  # what a program may take from the result to its own end
_SHOWN = 60  # characters of a broken line
_DIALECTS: Mapping[str, type[Dialect]] = {
    "json": JsonLines,
    "plain": PlainText,
    "uci": Uci,
    "xboard": XBoard,
    "gtp": Gtp,
}


class ProgramSeat(AgentProcess, Seat):
    """A program in any language: its dialect says what is written and what its lines mean."""

    def __init__(self, spec: AgentSpec, info: Info, limits: Limits, zygote: Zygote) -> None:
        super().__init__(info, limits, zygote)
        job = self._job(spec)
        self._dialect = _DIALECTS[spec.dialect](self._told(), spec.options)
        self._speaks = spec.dialect
        self._talks = not self._dialect.strict
        game = info._game  # noqa: SLF001 - one family
        self._text, self._read = game.action_to_str, game.action_from_str
        self._child, out, listens = zygote.spawn_program(job)
        self._watch.look()
        self._lines = Lines(self._child, out, listens, self._heard, self._writable)
        self._talk: Talk[Any] | None = None  # what is being said; None: nothing is waited for
        self._pause_s: float | None = None  # how long the talk waits for a line, at most
        self._said: Any = None  # what the last talk returned, or the Fault that it ended with
        self._prepare(self._dialect.start())

    def _prepare(self, talk: Talk[None]) -> None:
        self._free_s = self._limits.start_s
        self._open(talk)
        # Some programs say when they are ready; others are given the time of a start with their first answer.
        self._starting = self._announced = self._talk is not None
        if self._starting:
            self._clock.start()
            self._deadline_ns = self._clock.due_ns
        elif self._free_s is not None:
            self._grant(self._free_s)  # past it the program reads nothing; its first answer will be late
        self._flush()

    def again(self, info: Info) -> None:
        self._enter(info)
        self._dialect.told = self._told()
        self._prepare(self._dialect.again())

    def rest(self, result: MatchResult) -> Mapping[str, str] | None:
        if not self._dialect.keeps or self._dead is not None or self._starting:
            return None
        self._grant(_PROGRAM_END_S)
        self._dialect.end(result)
        self._flush()
        return printed(self._child.take_logs())

    def ask(self, request: Request) -> None:
        self.settle()
        if self._dead is not None:
            return
        if not self._dialect.strict:
            self._lines.drop()
        elif early := self._lines.early():
            self._said = self._broken("a line before the question", early)
            return
        question = Question(request, self._text, self._limits.turn_s, self._clock.bank_s(), self._read)
        self._open(self._dialect.ask(question))  # before the clock runs: the game's own work is not the program's
        if self._dead is not None:
            return
        free_s, self._free_s = (0.0, 0.0) if self._announced else (self._free_s, 0.0)
        self._begin(free_s or 0.0)
        if free_s is None:
            self._deadline_ns = None
        self._flush()

    def answer(self) -> tuple[Any, Any, int]:
        if self._dead is not None:
            return self._dead, None, 0
        self._converse()
        took = self._took()
        if type(self._said) is Fault:
            return self._said, None, took
        if self._clock.overdrawn():
            return self._die(self._late()), None, took
        action, info = self._said
        if self._dialect.strict and not (storable(action) and storable(info)):
            return Fault(FaultKind.ILLEGAL.value, "no action: it cannot be stored"), None, took
        return action, info, took

    def close(self, result: MatchResult | None, *, faulted: bool) -> Mapping[str, str]:
        if result is not None and not faulted and self._dead is None and not self._starting:
            self._grant(_PROGRAM_END_S)
            self._dialect.end(result)
            self._dialect.leave()
            self._flush()
            self._lines.await_end()
        logs = self._logs()
        self._lines.close()
        return logs

    def _late(self) -> Fault:
        fault = super()._late()
        if not self._starting or fault.kind != FaultKind.TIMEOUT.value or not self._dialect.last:
            return fault
        told = f"; no answer to {self._dialect.last[:_SHOWN]!r}: does it speak {self._speaks}?"
        return fault._replace(detail=fault.detail + told)

    # ------------------------------------------------------------------------------ talks

    def settle(self) -> None:
        """Hear the program out until it is ready; `_dead` says that it did not come so far."""
        if not self._starting or self._dead is not None:
            return
        self._converse()
        self._took()
        if self._dead is None and self._clock.overdrawn():
            self._die(self._late())
        self._starting = False
        if type(self._said) is Fault and self._dead is None:
            self._die(self._said)

    def _heard(self) -> bool:
        """Wait until it says something; False when that is too late, though it may talk and talk."""
        if not super()._heard():
            return False
        heard_ns, due_ns = self._child.heard_ns, self._deadline_ns
        return due_ns is None or heard_ns is None or heard_ns <= due_ns or self._goes_on()

    def _open(self, talk: Talk[Any]) -> None:
        """Begin a talk, up to the first line that it waits for."""
        self._talk = talk
        self._step(talk.__next__)

    def _step(self, go_on: Callable[..., float | None], *given: Any) -> None:
        try:
            self._pause_s = go_on(*given)
        except StopIteration as done:
            self._talk, self._said = None, done.value
        except TalkError as error:
            fault = Fault(error.kind.value, _detail(error))
            self._talk, self._said = None, fault
            if error.kind == FaultKind.PROTOCOL:
                self._die(fault)

    def _flush(self) -> None:
        if self._dialect.said:
            self._lines.send(self._dialect.take())

    def _converse(self) -> None:
        """Go on with the talk to its end, line by line."""
        lines, said = self._lines, self._dialect.said
        while (talk := self._talk) is not None:
            pause_ns = None if self._pause_s is None else self._pause_ns(self._pause_s)
            try:
                line = lines.line(pause_ns)
            except TimeoutError:
                if pause_ns is None:
                    self._end(self._die(self._late()))
                else:
                    self._step(talk.throw, TimeoutError())
            except EOFError:
                self._end(self._gone())
            except LongLineError as error:
                self._end(self._broken(f"a line of more than {protocol.MAX_ANSWER} bytes", str(error)))
            else:
                self._step(talk.send, line)
            if said:  # an engine may print thousands of lines before its answer
                self._flush()

    def _pause_ns(self, pause_s: float) -> int | None:
        """Return when a pause ends; None when the deadline comes first, which ends more than a pause."""
        by_ns = time.perf_counter_ns() + int(pause_s * 1e9)
        return by_ns if self._deadline_ns is None or by_ns < self._deadline_ns else None

    def _end(self, fault: Fault) -> None:
        self._talk, self._said = None, fault

    def _broken(self, why: str, line: str) -> Fault:
        return self._die(Fault(FaultKind.PROTOCOL.value, _detail(TalkError(why, line))))


def _detail(error: TalkError) -> str:
    """Return one line for people, the program's control characters replaced."""
    told = "" if error.line is None else f": {printable(error.line[:_SHOWN])!r}"
    return printable(f"broken line: {error.why}{told}" if told else error.why).replace("\n", " ")
