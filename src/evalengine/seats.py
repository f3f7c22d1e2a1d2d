"""An agent in a seat behind one interface, wherever it runs; and the seat of an agent in this process."""

from __future__ import annotations

import functools
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from evalengine.contracts import Agent, Info, Observation, Request
from evalengine.errors import GameError
from evalengine.faults import crash
from evalengine.model import Answer, MatchResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Seat(ABC):
    """One agent in one seat for one match.

    Attributes:
        info: what it was told; act: what to call when it plays in this process, else None;
        closes: whether `close` does anything; contended: whether it was late since it had to wait for a core.
    """

    info: Info
    act: Callable[[Observation], Any] | None = None
    closes = True
    contended = False
    asked_first = False  # of several that act at once: a person, while nobody's clock runs

    def settle(self) -> None:
        """Wait until it can be asked: nobody is asked before all have started."""
        return

    @abstractmethod
    def ask(self, request: Request) -> None:
        """Send a question; `answer` must follow."""

    @abstractmethod
    def answer(self) -> tuple[Any, Any, int]:
        """Return (action or Fault, the agent's info or None, nanoseconds it took)."""

    @abstractmethod
    def close(self, result: MatchResult | None, *, faulted: bool) -> Mapping[str, str]:
        """Tell the agent of the result, if there is one and it did not fault; end it; return its logs by stream."""

    def rest(self, result: MatchResult) -> Mapping[str, str] | None:  # noqa: ARG002 - for those who can
        """Tell of the result and stay for another match, which `again` begins; return the logs, None: it must end."""
        return None

    def again(self, info: Info) -> None:
        """Begin another match after `rest`."""
        raise NotImplementedError


@functools.cache
def _calls_of(kind: Any) -> tuple[bool, bool, bool]:
    """Return whether agents of a class have start, act, and an end of their own."""
    end = getattr(kind, "end", None)
    return hasattr(kind, "start"), hasattr(kind, "act"), end is not None and end is not Agent.end


class LocalSeat(Seat):
    """A trusted agent in this process."""

    _agent: Any = None
    _asked: Observation | None = None

    def __init__(self, make: Callable[[], Any], info: Info) -> None:
        self.info = info
        try:
            self._agent = agent = make()
            starts, acts, self.closes = _calls_of(type(agent))  # type: ignore[arg-type]  # a class is hashable
            if starts:
                agent.start(info)
            self.act = agent.act if acts else agent
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the agent border: a failing agent is data
            fault = crash(error)
            self.act = lambda _observation: fault

    def ask(self, request: Request) -> None:
        self._asked = Observation(request._state, request.seat, request.turn, self.info)  # noqa: SLF001 - one family

    def answer(self) -> tuple[Any, Any, int]:
        assert self.act is not None
        assert self._asked is not None
        began = time.perf_counter_ns()
        try:
            action = self.act(self._asked)
        except GameError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the agent border: a failing agent is data
            action = crash(error)
        took = time.perf_counter_ns() - began
        if type(action) is Answer:
            return action.action, action.info, took
        return action, None, took

    def close(self, result: MatchResult | None, *, faulted: bool) -> Mapping[str, str]:
        if result is not None and not faulted and self.closes and hasattr(self._agent, "end"):
            try:
                self._agent.end(result)
            except Exception as error:  # noqa: BLE001 - the agent border: the match is over, and stands
                return {"stderr": printable(crash(error).traceback)}
        return {}


def printable(text: str) -> str:
    """Return `text` with control characters replaced, so that no terminal obeys an agent."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
