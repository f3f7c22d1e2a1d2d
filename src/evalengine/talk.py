"""What is said to a program and heard from it, without any I/O: the base of all dialects."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

from evalengine.errors import GameError
from evalengine.model import FaultKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalengine.contracts import Request
    from evalengine.model import Action, MatchResult, View

T = TypeVar("T")

Talk = Generator[float | None, str, T]
"""A conversation: each `yield` sends what was said and waits for the program's next line. It waits until the deadline
of the turn or of the start; where a number is yielded for so many seconds at most, after which TimeoutError is thrown
into it."""

_SHOWN = 60  # characters of a line
_TURNS = 8  # few engines take an eighth of a clock for one turn
_LONGEST_NUMBER = 18  # digits: what 64 bits hold


class TalkError(Exception):
    """The program said, or did, what ends the turn with a fault.

    Attributes:
        why: one line for people; line: what the program wrote, None: it is not about a line;
        kind: PROTOCOL ends the program too, ILLEGAL the turn only.
    """

    def __init__(self, why: str, line: str | None = None, kind: FaultKind = FaultKind.PROTOCOL) -> None:
        super().__init__(why)
        self.why, self.line, self.kind = why, line, kind


def _unread(_text: str) -> None:
    """Stand for a game that does not say which action a text is."""


class Question:
    """What a dialect asks the program: a turn, its clocks, and the actions by the texts that people write.

    Args:
        text, read: the game's `action_to_str` and `action_from_str`.

    Attributes:
        turn, seat: as in the request; clock_s: seconds left for this answer, of the turn or of the match, whichever
        is less; turn_s: the limit of a turn; match_s: what is left of the match's; None: no limit.
    """

    __slots__ = ("_read", "_request", "_text", "_view", "clock_s", "match_s", "seat", "turn", "turn_s")

    def __init__(
        self,
        request: Request,
        text: Callable[[Action], str],
        turn_s: float | None,
        match_s: float | None,
        read: Callable[[str], Action | None] = _unread,
    ) -> None:
        self._request = request
        self._text = text
        self._read = read
        self._view: Any = None
        self.turn, self.seat = request.turn, request.seat
        self.turn_s, self.match_s = turn_s, match_s
        self.clock_s = min((limit for limit in (turn_s, match_s) if limit is not None), default=None)

    @property
    def legal(self) -> Sequence[Action] | None:
        """The actions open to the seat; None when they cannot be listed."""
        return self._request.legal

    @property
    def view(self) -> View:
        """What the seat sees."""
        if self._view is None:
            self._view = self._request.view
        return self._view

    def entry(self, name: str, tag: str) -> Any:
        """Return an entry of the view that a game with `tag` promises.

        Raises:
            GameError: it is not there.
        """
        entries = self._request._entries  # noqa: SLF001 - one family
        if entries is not None:
            with contextlib.suppress(KeyError):
                return entries(self.seat, name)
        elif isinstance(self.view, Mapping) and name in self.view:
            return self.view[name]
        msg = f"its view has no {name!r}: a game with the tag {tag!r} must show it"
        raise GameError(msg)

    def text(self, action: Action) -> str:
        """Return `action` as people write it."""
        return self._text(action)

    def action(self, *texts: str) -> Action:
        """Return the legal action that is written as one of `texts`.

        Raises:
            TalkError: there is none.
        """
        for text in texts:
            action = self._read(text)
            if action is not None and self._request.refusal(action) is None:
                return action
        for action in self.legal or ():
            if self._text(action) in texts:
                return action
        msg = f"{texts[0][:_SHOWN]!r}: not a legal action"
        raise TalkError(msg, kind=FaultKind.ILLEGAL)


class Dialect(ABC):
    """One program in one match: what is said to it, and what its lines mean.

    Attributes:
        strict: whether the program's values are taken as they are, so that they are checked, and a line that comes
        before its question is a fault; an engine's moves are looked up, and such a line is noise;
        keeps: whether the program can play another match, having forgotten the last;
        said: lines that are to be sent; last: the last that was.
    """

    strict: ClassVar[bool] = False
    keeps: ClassVar[bool] = False

    def __init__(self, told: Mapping[str, Any], options: Mapping[str, str]) -> None:
        self.told = told  # what every agent is told before a match
        self.options = options  # what stands behind the question mark
        self.said: list[str] = []
        self.last = ""

    def say(self, line: str) -> None:
        """Send one line with the next `yield`, or at the end of the talk."""
        self.said.append(line)

    def take(self) -> bytes:
        """Return what is to be sent now."""
        self.last = self.said[-1] if self.said else self.last
        self.said.append("")
        text = "\n".join(self.said)
        self.said.clear()
        return text.encode(errors="surrogateescape")

    @abstractmethod
    def start(self) -> Talk[None]:
        """Prepare the program for the match. One that waits for a line is ready when the talk ends."""

    @abstractmethod
    def ask(self, question: Question) -> Talk[tuple[Any, Any]]:
        """Return an action, and the agent's info or None."""

    def end(self, result: MatchResult) -> None:  # noqa: B027 - an engine is not told who won
        """Say what the program is told when the match is over."""

    def leave(self) -> None:  # noqa: B027 - the end of its input is enough
        """Say that no other match follows."""

    def again(self) -> Talk[None]:
        """Have a program that `keeps` forget the last match and prepare for the next, of which `told` tells."""
        raise NotImplementedError


def gave_up(line: str) -> NoReturn:
    """Say that the program resigned in a game that knows no resigning."""
    msg = f"it gave up: {line.strip()[:_SHOWN]!r}"
    raise TalkError(msg, kind=FaultKind.ILLEGAL)


def clean(text: str) -> str:
    """Return a program's text as one that can be stored."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def number(text: str) -> int | None:
    """Return the integer that a program wrote, if it is one that can be stored."""
    digits = text.removeprefix("-").removeprefix("+")
    return int(text) if digits.isascii() and digits.isdecimal() and len(digits) <= _LONGEST_NUMBER else None


def think_s(limit_s: float) -> float:
    """Return what of a limit a program is told, so that the answer arrives within it on a busy machine."""
    return max(limit_s * 0.9 - 0.02, limit_s * 0.5)


def clock_s(turn_s: float | None, match_s: float | None, increment_s: float) -> tuple[float | None, float]:
    """Return the clock that a program which shares out its time is told: what is left for all turns, and the increment.

    Where a turn has a limit too, the clock is so small that an eighth of it and the increment stay within that.
    None: there is no limit.
    """
    if match_s is None:
        return (None if turn_s is None else turn_s * _TURNS), 0.0
    if turn_s is None:
        return match_s, think_s(increment_s)
    increment_s = min(increment_s, turn_s / 2)
    return min((turn_s - increment_s) * _TURNS, match_s), think_s(increment_s)
