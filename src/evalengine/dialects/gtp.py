"""The Go Text Protocol, version 2 (Farneback, 2002): gnugo, pachi, katago, leela."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evalengine.talk import Dialect, Question, Talk, TalkError, clock_s, gave_up, think_s

if TYPE_CHECKING:
    from collections.abc import Sequence

_TAG = "gtp"
_ANSWER = re.compile(r"(?P<sign>[=?])(?P<id>\d{0,9})\s*(?P<text>.*)", re.DOTALL)
_MOST_LINES = 10_000
_COLOURS = "bw"  # by seat


class Gtp(Dialect):
    """An engine that plays games with the tag `gtp`.

    The moves that the engine knows are kept: where the game's go on from there it is told the new ones, else all.
    """

    keeps = True

    def __init__(self, told: Mapping[str, Any], options: Mapping[str, str]) -> None:
        super().__init__(told, options)
        self._number = 0
        self._commands: frozenset[str] = frozenset()
        self._set_up: tuple[Any, ...] | None = None  # what the board was set up with
        self._known: list[tuple[str, str]] = []

    def start(self) -> Talk[None]:
        """Learn the engine's commands, and give those that are its options."""
        self._commands = frozenset((yield from self._command("list_commands")).split())
        for name, value in self.options.items():
            if name not in self._commands:
                msg = f"the engine has no command {name!r}"
                raise TalkError(msg)
            yield from self._command(f"{name} {value}".rstrip())

    def ask(self, question: Question) -> Talk[tuple[Any, Any]]:
        """Tell the new moves; return the move that the engine makes."""
        yield from self._follow(question)
        colour = str(question.view.get("to_play", _COLOURS[question.seat]))[:1].lower()
        if question.match_s is not None and "time_left" in self._commands:
            yield from self._command(f"time_left {colour} {self._left(question.turn_s, question.match_s)}")
        said = yield from self._command(f"genmove {colour}")
        move = said.strip()
        if not move:
            why = "no move in"
            raise TalkError(why, said)
        try:
            action = question.action(move, move.upper(), move.lower())
        except TalkError:
            self._set_up = None  # it has played what is no move
            if move.lower() == "resign":
                gave_up(move)
            raise
        self._known.append((colour, question.text(action).lower()))
        return action, None

    def leave(self) -> None:
        """Let the engine go."""
        self.say("quit")

    def again(self) -> Talk[None]:
        """Have the board set up anew."""
        self._set_up = None
        yield from self._command("clear_board")

    def _follow(self, question: Question) -> Talk[None]:
        """Bring the engine to where the game is."""
        moves = [(str(colour)[:1].lower(), vertex.lower()) for colour, vertex in question.entry("moves", _TAG)]
        size, komi = question.entry("size", _TAG), question.entry("komi", _TAG)
        rules = question.view.get("rules")
        if self._set_up != (size, komi, rules) or moves[: len(self._known)] != self._known:
            yield from self._new(size, komi, rules)
            self._set_up = (size, komi, rules)
        yield from self._play(moves[len(self._known) :])
        self._known = moves

    def _new(self, size: int, komi: float, rules: Any) -> Talk[None]:
        yield from self._command(f"boardsize {size}")
        yield from self._command("clear_board")
        yield from self._command(f"komi {komi}")
        if isinstance(rules, Mapping) and "kata-set-rules" in self._commands:
            yield from self._command(f"kata-set-rules {json.dumps(rules)}")
        elif isinstance(rules, str) and "kgs-rules" in self._commands:
            yield from self._command(f"kgs-rules {rules}")
        settings = _time_settings(self.told["turn_s"], self.told["match_s"], self.told["increment_s"])
        if settings and "time_settings" in self._commands:
            yield from self._command(f"time_settings {settings}")
        self._known = []

    def _left(self, turn_s: float | None, match_s: float) -> str:
        """Return seconds and stones: 0 for what is left of the match, 1 where an increment is all there is."""
        bank_s, increment_s = clock_s(turn_s, match_s, self.told["increment_s"])
        left = int(think_s(bank_s or 0.0))
        stones = int(0 < left <= int(increment_s))
        return f"{max(1, left)} {stones}"

    def _play(self, moves: Sequence[tuple[str, str]]) -> Talk[None]:
        for colour, vertex in moves:
            yield from self._command(f"play {colour} {vertex}")

    def _command(self, text: str) -> Talk[str]:
        """Give a command and return its answer.

        Raises:
            TalkError: the engine fails it, or says what is no answer.
        """
        self._number += 1
        self.say(f"{self._number} {text}")
        while True:
            sign, number, answer = yield from self._answer(text)
            if number and int(number) != self._number:
                continue  # to a command that it answered twice
            if sign == "=":
                return answer
            msg = f"the engine fails {text!r}: {answer.strip()[:100]!r}"
            raise TalkError(msg)

    def _answer(self, text: str) -> Talk[tuple[str, str, str]]:
        """Return sign, number and text of the next answer, which ends with an empty line."""
        first = ""
        while not first:
            first = _printed((yield None))
        found = _ANSWER.match(first)
        if found is None:
            why = f"no answer to {text.split(maxsplit=1)[0]}"
            raise TalkError(why, first)
        lines = [found["text"]]
        while line := _printed((yield None)):
            lines.append(line)
            if len(lines) > _MOST_LINES:
                why = f"an answer of more than {_MOST_LINES} lines"
                raise TalkError(why, line)
        return found["sign"], found["id"], "\n".join(lines)


def _printed(line: str) -> str:
    """Return a line as the protocol reads it: tabs are spaces, other control characters nothing."""
    return "".join(c for c in line.replace("\t", " ") if c >= " " and c != "\x7f").rstrip()


def _time_settings(turn_s: float | None, match_s: float | None, increment_s: float) -> str:
    """Return main time, byo-yomi time and stones in whole seconds; nothing where these cannot say it."""
    if match_s is not None:
        bank_s, increment_s = clock_s(turn_s, match_s, increment_s)
        # The protocol knows no increments: a stone in so many seconds is what is left of one when the bank is spent.
        each = int(increment_s)
        return f"{max(1, int(think_s(bank_s or 0.0)))} {each} {int(each > 0)}"
    if turn_s is not None and think_s(turn_s) >= 1.0:
        return f"0 {int(think_s(turn_s))} 1"
    return ""
