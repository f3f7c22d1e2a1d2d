"""The Universal Chess Interface (Huber and Meyer-Kahlen, 2006): stockfish, and most engines of chess and variants."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine.talk import Dialect, Question, Talk, TalkError, clean, gave_up, number, think_s

if TYPE_CHECKING:
    from collections.abc import Mapping

_TAG = "uci"
_START = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"
_OPTION = re.compile(r"option\s+name\s+(?P<name>.+?)\s+type\s+(?P<type>\w+)(?P<rest>.*)")
_BOUND = re.compile(r"\b(min|max)\s+(-?\d{1,18})\b")
_CHOICE = re.compile(r"\bvar\s+(.+?)(?=\s+var\s|$)")
_FIGURE = re.compile(r"(?<!\S)(depth|nodes|cp|mate)\s+([-+]?[0-9]{1,18})(?!\S)")
_LIMITS = {"nodes": "nodes", "depth": "depth", "movetime_ms": "movetime"}  # ours: as `go` calls them
_USUAL = frozenset({"chess", "standard"})  # variants that need no option
_NO_MOVE = frozenset({"(none)", "0000", "resign", "NULL", "null"})
_IDLE_MS = 1000  # a turn without any limit
_TURNS_LEFT = 20  # that the limit of a match must last for, where turns have one of their own


class _Declared(NamedTuple):
    name: str
    type: str
    rest: str  # default, min, max, var


class Uci(Dialect):
    """An engine that plays games with the tag `uci`."""

    keeps = True

    def __init__(self, told: Mapping[str, Any], options: Mapping[str, str]) -> None:
        super().__init__(told, options)
        self._declared: dict[str, _Declared] = {}  # by the name in lower case
        self._variant = ""
        limits = [f"{word} {options[name]}" for name, word in _LIMITS.items() if name in options]
        self._go = " ".join(("go", *limits)) if limits else ""

    def start(self) -> Talk[None]:
        """Learn what the engine has, set its options, and wait until it is ready."""
        self.say("uci")
        while (line := (yield None).strip()) != "uciok":
            found = _OPTION.match(line)
            if found:
                self._declared[found["name"].lower()] = _Declared(found["name"], found["type"], found["rest"])
        for name, value in self.options.items():
            if name not in _LIMITS:
                self._set(name, value)
        self.say("ucinewgame")
        yield from self._ready()

    def ask(self, question: Question) -> Talk[tuple[Any, Any]]:
        """Give the position and the moves that led to it; return the best move."""
        variant = question.entry("variant", _TAG)
        if variant != self._variant and variant not in _USUAL:
            yield from self._vary(variant)
        self.say(_position(question))
        self.say(self._go or _go(question, self.told["increment_s"]))
        told = ""
        while True:
            line = yield None
            if line.startswith("info "):
                if " pv " in line and (" multipv " not in line or " multipv 1 " in line):
                    told = line
            elif line.startswith("bestmove") or line.lstrip().startswith("bestmove"):
                break
        words = line.split()
        if len(words) < 2:  # noqa: PLR2004 - the word and the move
            why = "no move in"
            raise TalkError(why, line)
        try:
            return question.action(words[1], words[1].lower()), _info(told)
        except TalkError:
            if words[1] in _NO_MOVE:
                gave_up(line)
            raise

    def leave(self) -> None:
        """Let the engine go."""
        self.say("quit")

    def again(self) -> Talk[None]:
        """Have the engine clear what it has learnt."""
        self.say("ucinewgame")
        yield from self._ready()

    def _ready(self) -> Talk[None]:
        self.say("isready")
        while (yield None).strip() != "readyok":
            pass

    def _vary(self, variant: str) -> Talk[None]:
        """Choose the rules, before the first move."""
        if variant == "chess960":
            self._set("UCI_Chess960", "true")
        else:
            self._set("UCI_Variant", variant)
        self._variant = variant
        self.say("ucinewgame")
        yield from self._ready()

    def _set(self, name: str, value: str) -> None:
        """Set an option.

        Raises:
            TalkError: the engine has no such option, or none with such a value; engines say nothing themselves.
        """
        known = self._declared.get(name.lower())
        if known is None:
            near = difflib.get_close_matches(name, [option.name for option in self._declared.values()], n=3)
            hint = f"; did you mean {', '.join(map(repr, near))}?" if near else ""
            msg = f"the engine has no option {name!r}{hint}"
            raise TalkError(msg)
        wrong = _refused(known, value)
        if wrong:
            msg = f"the engine's option {known.name!r} is {wrong}, not {value!r}"
            raise TalkError(msg)
        said = "" if known.type == "button" else f" value {value or '<empty>'}"
        self.say(f"setoption name {known.name}{said}")


def _refused(option: _Declared, value: str) -> str:
    """Return what the option takes when `value` is no such thing, else nothing."""
    if option.type == "check":
        return "" if value in {"true", "false"} else "true or false"
    if option.type == "combo":
        choices = [choice.strip() for choice in _CHOICE.findall(option.rest)]
        known = value.lower() in map(str.lower, choices)
        return "" if known or not choices else f"one of {', '.join(choices[:20])}"
    if option.type == "spin":
        bounds = {name: int(bound) for name, bound in _BOUND.findall(option.rest)}
        found = number(value)
        low, high = bounds.get("min", found), bounds.get("max", found)
        if found is None or not (low or 0) <= found <= (high or 0):
            return f"a whole number from {low} to {high}" if bounds else "a whole number"
    return ""


def _position(question: Question) -> str:
    start, moves = question.entry("start_fen", _TAG), question.entry("moves", _TAG)
    head = "position startpos" if start == _START else f"position fen {start}"
    return " ".join((head, "moves", *moves)) if moves else head


def _go(question: Question, increment_s: float) -> str:
    """Return how long the engine may think, from the match's own limits."""
    turn_s, match_s = question.turn_s, question.match_s
    if turn_s is not None:
        limit_s = turn_s if match_s is None else min(turn_s, match_s, match_s / _TURNS_LEFT + increment_s)
        return f"go movetime {_ms(limit_s)}"
    if match_s is not None:
        # Both clocks are its own: a program is not told of the other's.
        left = f"go wtime {_ms(match_s)} btime {_ms(match_s)}"
        return f"{left} winc {_ms(increment_s)} binc {_ms(increment_s)}" if increment_s else left
    return f"go movetime {_IDLE_MS}"


def _ms(limit_s: float) -> int:
    return max(1, int(think_s(limit_s) * 1000))


def _info(line: str) -> dict[str, Any] | None:
    """Return depth, score, nodes and line of play of an `info`; not its times, which differ from run to run."""
    head, _, line_of_play = line.partition(" pv ")
    info: dict[str, Any] = {name: int(value) for name, value in _FIGURE.findall(head)}
    if line_of_play:
        info["pv"] = clean(line_of_play.strip())
    return info or None
