"""An agent that plays many matches of a run in one process, several at the same time: imported once, asked in rounds.

A round holds the questions of all matches that wait for the agent. They are answered one after another, each timed;
what was answered is sent when the round is over or takes long, so that a slow turn keeps nobody's answer.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import sys
import time
from typing import TYPE_CHECKING, Any

from evalengine_host import agent, hosted, luck, protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence

_LATE_NS = 5_000_000  # after which what was answered is sent
_MAX_REPLY = 1 << 20  # bytes of large answers, likewise
_PLAIN = (float, bool, type(None))  # numbers are looked at before
_now = time.perf_counter_ns


class _Match:
    """One match that the agent plays here."""

    __slots__ = ("ask", "end", "failure", "fixed", "luck")

    def __init__(self, fixed: Mapping[str, Any], seed: int) -> None:
        self.fixed = fixed  # of its observations
        self.luck = luck.Luck(seed)
        self.ask: Callable[[Any], Any] = _fails
        self.end: Callable[[Any], None] | None = None
        self.failure: Sequence[Any] | None = None  # of its start: what every question is answered with


class _Reply:
    """What a round has answered and not yet sent: actions and microseconds in the order of the questions.

    `extras` are [which of them, what, ...]: its info, how it failed instead, or what it wrote.
    """

    def __init__(self, connection: socket.socket, nonce: int) -> None:
        self._connection = connection
        self._nonce = nonce
        self.sent_ns = _now()
        self._begin()

    def _begin(self) -> None:
        self.actions: list[Any] = []
        self.took_us: list[int] = []
        self.extras: list[Any] = []
        self.size = 0

    def add(self, what: int, *values: Any) -> None:
        """Put something beside the last action."""
        self.extras.append([len(self.actions) - 1, what, *values])

    def send(self, now: int) -> None:
        """Send what was answered so far."""
        body = protocol.pack([protocol.ANSWERS, self.actions, self.took_us, self.extras])
        for packet in protocol.frame(self._nonce, body):
            self._connection.send(packet)
        self.sent_ns = now
        self._begin()


class _Written:
    """What the agent writes to sys.stdout and sys.stderr, kept for the match that it wrote it in."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._out, self._errors = io.BytesIO(), io.BytesIO()
        self._held = {"stdout": self._out, "stderr": self._errors}
        for name, held in self._held.items():
            text = io.TextIOWrapper(held, encoding="utf-8", errors="backslashreplace", write_through=True)
            setattr(sys, name, text)

    def __bool__(self) -> bool:
        return self._out.tell() > 0 or self._errors.tell() > 0

    def take(self) -> list[tuple[str, bytes]]:
        """Return (stream, bytes) of what was written since the last time, up to a cap."""
        found = [(name, held.getvalue()[: self._most]) for name, held in self._held.items() if held.tell()]
        for held in self._held.values():
            held.seek(0)
            held.truncate()
        return found


def serve(connection: socket.socket, job: Mapping[str, Any]) -> None:
    """Import the agent, then answer rounds until the worker is gone."""
    try:
        luck.install()
        found, note = hosted.imported(job, luck.numpy_came)
    except BaseException as error:  # noqa: BLE001 - the agent border: whatever it raises is data
        hosted.send(connection, 0, [protocol.FAILED, *hosted.failure(error, job)])
        return
    written = _Written(job["log_kib"] << 10)
    hosted.send(connection, 0, [protocol.READY, note, not inspect.isfunction(found)])
    _Host(connection, job, found, written).serve()


class _Host:
    def __init__(self, connection: socket.socket, job: Mapping[str, Any], found: Any, written: _Written) -> None:
        self._connection = connection
        self._job = job
        self._found = found
        self._simple = inspect.isfunction(found) and agent.takes_one(found)
        self._written = written
        self._kinds: dict[int, tuple[Mapping[str, Any], Mapping[str, Any]]] = {}  # what is told; what is observed
        self._matches: dict[int, _Match] = {}  # by slot

    def serve(self) -> None:
        while True:
            nonce, (_, begins, asks, ends) = hosted.receive(self._connection)
            for slot, *result in ends:
                self._end(self._matches.pop(slot), result)
            for slot, kind, seed, *told in begins:
                if told:
                    self._kinds[kind] = told[0], _fixed(told[0])
                self._matches[slot] = self._begin(*self._kinds[kind], seed)
            if asks:
                self._round(_Reply(self._connection, nonce), asks)

    def _begin(self, told: Mapping[str, Any], fixed: Mapping[str, Any], seed: int) -> _Match:
        match = _Match(fixed, seed)
        if self._simple:  # it is told nothing
            match.ask = self._found
            return match
        luck.turn_to(match.luck)
        try:
            match.ask, match.end = agent.asker(self._found, agent.Info({**told, "seed": seed}))
        except BaseException as error:  # noqa: BLE001 - the agent border: whatever it raises is data
            match.failure = hosted.failure(error, self._job)
        return match

    def _round(self, reply: _Reply, asks: Sequence[Sequence[Any]]) -> None:
        matches, written, made = self._matches, self._written, agent.Observation.__new__
        last = asks[-1]
        for ask in asks:
            slot, turn, view, legal = ask
            match = matches[slot]
            luck.turn_to(match.luck)
            # As agent.Observation({...}), in half the time.
            observation = made(agent.Observation)
            observation.__dict__ = {"view": view, "legal": legal, "turn": turn, **match.fixed}
            began = _now()
            try:
                value = match.ask(observation)
            except BaseException as error:  # noqa: BLE001 - the agent border: whatever it raises is data
                _fail(reply, match.failure or hosted.failure(error, self._job))
            else:
                if type(value) is int:
                    reply.actions.append(value)
                else:
                    _take(reply, value)
            now = _now()
            reply.took_us.append((now - began) // 1000)
            if written:
                for stream, text in written.take():
                    reply.add(protocol.EXTRA_WRITTEN, stream, text)
                    reply.size += len(text)
            if ask is last or now - reply.sent_ns > _LATE_NS or reply.size > _MAX_REPLY:
                reply.send(now)

    def _end(self, match: _Match, result: Sequence[Any]) -> None:
        if not result or match.end is None:
            return
        luck.turn_to(match.luck)
        scores, places = result
        with contextlib.suppress(BaseException):  # the agent border: the match is over, and its log is closed
            match.end(agent.Record({"scores": scores, "places": places}))
        self._written.take()


def _fixed(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is the same in every observation."""
    return {"clock_s": told["turn_s"], **{key: told[key] for key in ("game", "config", "seat")}}


def _fails(_observation: Any) -> Any:
    """Stand for an agent that could not start."""
    raise RuntimeError


def _fail(reply: _Reply, failure: Sequence[Any]) -> None:
    reply.actions.append(None)
    reply.add(protocol.EXTRA_FAILED, *failure)


def _take(reply: _Reply, value: Any) -> None:
    if type(value) in _PLAIN:
        reply.actions.append(value)
        return
    packed = hosted.answer(value)
    reply.size += len(packed)
    kind, *said = protocol.unpack(packed)
    if kind == protocol.FAILED:
        _fail(reply, said)
        return
    action, info = said
    reply.actions.append(action)
    if info is not None:
        reply.add(protocol.EXTRA_INFO, info)
