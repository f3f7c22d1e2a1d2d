"""Persons in seats of a match: asked when they are to move, without a limit, and able to take an action back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from evalengine.model import AgentSpec
from evalengine.seats import Seat
from evalengine.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evalengine.contracts import Info, Request
    from evalengine.match import Match
    from evalengine.model import Action, MatchResult, MatchSpec, Orders, Played

NAME = "human"
_FACTORY = "evalengine.builtin.human:Human"


class Undone(BaseException):
    """A person takes back the last decision. No Exception: what passes through a worker must not void the match."""


class Left(BaseException):
    """A person leaves the match, which ends without a result."""


def person(number: int = 0) -> AgentSpec:
    """Return the agent that stands for a person, the first one being number 0."""
    return AgentSpec(name=f"{NAME}-{number + 1}" if number else NAME, factory=_FACTORY, pinned=False)


def is_person(agent: AgentSpec) -> bool:
    """Say whether an agent stands for a person."""
    return agent.factory == _FACTORY


class Sitting(Worker):
    """Plays a match with persons in it: the worker of every run, but for who is asked.

    To take an action back, the match is played again from its seed: persons and agents do in each turn what they did,
    and the agents, started afresh, are asked all the same, so that they know what they knew.

    Args:
        decide: asks the person whom a request is for; may raise `Undone` and `Left`.
    """

    own_session = True

    def __init__(self, orders: Orders, decide: Callable[[Match, Request], Action]) -> None:
        super().__init__(orders)
        self._persons = {number for number, agent in enumerate(orders.agents) if is_person(agent)}
        self._decide = decide
        self._script: list[Mapping[int | None, Any]] = []
        self.undone = 0  # decisions taken back so far

    def sit_down(self, spec: MatchSpec) -> Played:
        """Return the result of one match.

        Raises:
            Left: a person has left.
        """
        self._script, self.undone = [], 0
        while True:
            try:
                return self.play(spec)
            except Undone:
                self._script = self._before_last(spec)
                self.undone += 1

    def can_undo(self) -> bool:
        """Say whether a person has decided anything yet."""
        match = self.match
        return match is not None and self._last_decision(match) is not None

    def _before_last(self, spec: MatchSpec) -> list[Mapping[int | None, Any]]:
        """Return the turns up to the last that a person decided, those of the opening not counted."""
        assert self.match is not None
        last = self._last_decision(self.match)
        turns: list[Mapping[int | None, Any]] = list(self.match.turns)
        return turns[: spec.opening if last is None else last]

    def _last_decision(self, match: Match) -> int | None:
        seats = {seat for seat, agent in enumerate(match.spec.agents) if agent in self._persons}
        decided = (number for number, turn in enumerate(match.turns) if seats & turn.keys())
        return max((number for number in decided if number >= match.spec.opening), default=None)

    def _seat(self, info: Info, agent_no: int) -> Seat:
        if agent_no in self._persons:
            return _PersonSeat(info, self._ask, self._script)
        made = super()._seat(info, agent_no)
        self._makers.clear()  # else the next match would seat it without asking here
        return _Repeating(made, self._script)

    def _ask(self, request: Request) -> Action:
        assert self.match is not None
        return self._decide(self.match, request)


class _PersonSeat(Seat):
    closes = False
    asked_first = True

    def __init__(self, info: Info, decide: Callable[[Request], Action], script: list[Mapping[int | None, Any]]) -> None:
        self.info = info
        self._decide = decide
        self._script = script
        self._heard: tuple[Any, Any, int] = (None, None, 0)

    def ask(self, request: Request) -> None:
        if request.turn < len(self._script):
            self._heard = self._script[request.turn][request.seat], None, 0
            return
        began = time.perf_counter_ns()
        action = self._decide(request)
        self._heard = action, None, time.perf_counter_ns() - began

    def answer(self) -> tuple[Any, Any, int]:
        return self._heard

    def close(self, result: MatchResult | None, *, faulted: bool) -> Mapping[str, str]:  # noqa: ARG002 - nobody is told
        return {}


class _Repeating(Seat):
    """The seat of an agent that does what it did in the turns of a script, whatever it answers now."""

    def __init__(self, inner: Seat, script: list[Mapping[int | None, Any]]) -> None:
        self.info = inner.info
        self.closes = inner.closes
        self._inner = inner
        self._script = script
        self._asked: tuple[int, int] = (0, 0)

    def settle(self) -> None:
        self._inner.settle()

    def ask(self, request: Request) -> None:
        self._asked = request.turn, request.seat
        self._inner.ask(request)

    def answer(self) -> tuple[Any, Any, int]:
        heard, (turn, seat) = self._inner.answer(), self._asked
        if turn < len(self._script):
            return self._script[turn][seat], heard[1], heard[2]
        return heard

    def close(self, result: MatchResult | None, *, faulted: bool) -> Mapping[str, str]:
        return self._inner.close(result, faulted=faulted)
