"""The Chess Engine Communication Protocol, version 2 (Mann and Muller, 2009): fairymax, hoichess, phalanx, crafty."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from evalengine.talk import Dialect, Question, Talk, TalkError, clean, clock_s, gave_up, number, think_s

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalengine.model import MatchResult

_TAG = "uci"
_START = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"
_FEATURE = re.compile(r'(\w+)\s*=\s*("[^"]*"|\S+)')
_MOVE = re.compile(r"(?:my\s+move\s+is\s*:?|move|\d+\.\s*\.\.\.)\s+(?P<move>\S+)", re.IGNORECASE)
_THOUGHT = re.compile(r"\s*(\d+)\S?\s+(-?\d+)\s+\d+\s+(\d+)\s+(\S.*)")  # depth, score, time, nodes, line of play
_ENDED = ("1-0", "0-1", "1/2-1/2")
_CLAIM_S = 0.5  # from an engine's claim that the match is over to the fault, if it does not move after all
_REFUSED = re.compile(r"(?:Error \(.*?\)|Illegal move\b.*?):\s*(?P<command>\w+)")
_NEEDED = frozenset({"sd", "st", "level", "option", "memory", "cores"})
_SILENCE_S = 2.0  # an engine that declares no features within it is an old one
_PLAYS = frozenset({"ping", "setboard", "usermove", "time", "colors", "memory", "smp", "option", "variants", "done"})
_IGNORED = frozenset({"myname", "reuse", "analyze", "name", "draw", "playother", "ics", "sigint", "sigterm", "nps",
                      "egt", "debug", "pause", "exclude", "setscore", "highlight"})  # fmt: skip
_OWN = frozenset({"depth", "movetime_ms"})
_USUAL = frozenset({"chess", "standard"})  # variants that xboard calls normal
_CASTLED = {"O-O": "g", "O-O-O": "c"}  # where the king goes
_IDLE_S = 1  # a turn without any limit
_UNITS = 100  # clocks are in hundredths of a second


class XBoard(Dialect):
    """An engine that plays games with the tag `uci`.

    The moves that the engine knows are kept: where the game's go on from there it is told the new ones, else all.
    """

    keeps = True

    def __init__(self, told: Mapping[str, Any], options: Mapping[str, str]) -> None:
        super().__init__(told, options)
        # What holds for an engine that declares nothing.
        self._features = {"ping": "0", "setboard": "0", "usermove": "0", "time": "1", "colors": "1"}
        self._declared: dict[str, str] = {}  # kinds of options by name
        self._pings = 0
        self._variant, self._from, self._known = "", "", [""]  # nothing yet
        self._plays = False  # it answers a move with its own

    # ------------------------------------------------------------------------------ start

    def start(self) -> Talk[None]:
        """Negotiate features, set options, and wait until it has done so."""
        self.say("xboard")
        self.say("protover 2")
        yield from self._negotiate()
        for name, value in self.options.items():
            if name not in _OWN:
                self._set(name, value)
        self._new(_START)
        yield from self._settle()

    def _negotiate(self) -> Talk[None]:
        patience_s: float | None = _SILENCE_S
        while True:
            try:
                line = (yield patience_s).strip()
            except TimeoutError:
                return  # an old engine
            if not line.startswith("feature"):
                continue
            for name, value in _FEATURE.findall(line):
                if name == "done":
                    self.say("accepted done")
                    if value == "1":
                        return
                    patience_s = None  # it needs longer, up to the limit of the start
                else:
                    self._declare(name, value.strip('"'))

    def _declare(self, name: str, value: str) -> None:
        """Note a feature; moves are coordinates, so `san=1` is refused."""
        if name == "option":
            option, _, kind = value.rpartition(" -")
            self._declared[option.strip() if option else value] = kind
        elif name in _PLAYS:
            self._features[name] = value
        known = name in _PLAYS or name in _IGNORED or (name == "san" and value == "0")
        self.say(f"{'accepted' if known else 'rejected'} {name}")

    def _set(self, name: str, value: str) -> None:
        plain = {"memory": "memory", "cores": "smp"}.get(name)  # commands of their own, behind a feature
        if plain is not None and self._features.get(plain) == "1":
            self.say(f"{name} {value}")
            return
        if name not in self._declared:
            names = ", ".join(map(repr, [*self._declared][:20])) or "none"
            msg = f"the engine has no option {name!r}; it declares {names}"
            raise TalkError(msg)
        self.say(f"option {name}={value}" if value else f"option {name}")

    def _settle(self) -> Talk[None]:
        """Wait until the engine has done all it was told, where it can say so."""
        if self._features["ping"] == "1":
            self._pings += 1
            self.say(f"ping {self._pings}")
            while (text := (yield None).strip()) != f"pong {self._pings}":
                refused = _REFUSED.match(text)
                if refused and refused["command"] in _NEEDED:
                    why = "it refuses how long to think, or an option"
                    raise TalkError(why, text)

    # --------------------------------------------------------------------------- position

    def _new(self, fen: str) -> None:
        """Set up a position, in force mode."""
        self.say("new")
        if self._variant:
            self.say(f"variant {self._variant}")
        self.say("force")
        self.say("easy")
        self.say("post")
        for line in self._controls():
            self.say(line)
        if fen != _START and self._features["setboard"] == "1":
            self.say(f"setboard {fen}")
        elif fen != _START:
            self._edit(fen)
        self._from, self._known, self._plays = fen, [], False

    def _edit(self, fen: str) -> None:
        """Set up a position as engines without `setboard` know it; they guess rights to castle."""
        board, colour = fen.split()[:2]
        if colour == "b":
            self._move("a2a3")  # makes it Black's turn, as xboard does
        self.say("edit")
        self.say("#")
        for side in (str.isupper, str.islower):
            for square, piece in _pieces(board):
                if side(piece):
                    self.say(f"{piece.upper()}{square}")
            self.say("c" if side is str.isupper else ".")

    def _move(self, text: str) -> None:
        self.say(f"usermove {text}" if self._features["usermove"] == "1" else text)

    def _follow(self, fen: str, moves: Sequence[str]) -> bool:
        """Bring the engine to where the game is; say whether it answers by itself then."""
        known = self._known
        if fen != self._from or list(moves[: len(known)]) != known:
            self._new(fen)
        new = moves[len(self._known) :]
        answers = self._plays and len(new) == 1
        if not answers and self._plays:
            self.say("force")
            self._plays = False
        for text in new[:-1] if answers else new:
            self._move(text)
        self._known = list(moves)
        return answers

    # ------------------------------------------------------------------------------- turn

    def ask(self, question: Question) -> Talk[tuple[Any, Any]]:
        """Tell the new moves and the clocks; return the engine's move."""
        fen, moves = question.entry("start_fen", _TAG), question.entry("moves", _TAG)
        self._vary(question.entry("variant", _TAG))
        white = (fen.split()[1] == "w") == (len(moves) % 2 == 0)
        answers = self._follow(fen, moves)
        self._tell_clocks(question)
        if answers:
            self._move(moves[-1])
        else:
            if self._features["colors"] == "1":
                self.say("white" if white else "black")
            self.say("go")
            self._plays = True
        move, told = yield from self._thought()
        action = question.action(move, move.lower().replace("=", ""), _castled(move, white=white))
        self._known.append(question.text(action))
        return action, _info(told)

    def _vary(self, variant: str) -> None:
        if variant in _USUAL or variant == self._variant:
            return
        variants = self._features.get("variants", "normal").replace(",", " ").split()
        # In chess960 its protocol writes castling otherwise than the game does.
        if variant not in variants or variant == "chess960":
            msg = f"the engine does not play {variant!r}; it plays {', '.join(variants[:20])}"
            raise TalkError(msg)
        self._variant, self._from = variant, ""

    def _thought(self) -> Talk[tuple[str, str]]:
        """Return the engine's move, and the last line of its thinking."""
        told, claim, patience_s = "", "", None
        while True:
            try:
                line = yield patience_s
            except TimeoutError:
                why = "it ended the match by itself"
                raise TalkError(why, claim) from None
            text = line.strip()
            first = text[:1]
            if first.isdigit() and _THOUGHT.match(line):
                told = line
            elif first in "mM0123456789" and (found := _MOVE.match(text)):
                return found["move"], told
            elif text.startswith(_ENDED):
                # It may have followed the last move; an engine that stands by it says nothing more.
                claim, patience_s = text, _CLAIM_S
            else:
                _check(text)

    def _controls(self) -> Iterator[str]:
        """Yield how long the engine may think."""
        if "depth" in self.options:
            yield f"sd {self.options['depth']}"
            return
        if "movetime_ms" in self.options:
            yield f"st {max(1, int(self.options['movetime_ms']) // 1000)}"
            return
        # `st` is an average to some engines and a limit to others; a clock is kept by all.
        bank_s, increment_s = clock_s(self.told["turn_s"], self.told["match_s"], self.told["increment_s"])
        if bank_s is not None:
            yield _level(think_s(bank_s), increment_s)
        else:
            yield f"st {_IDLE_S}"

    def _tell_clocks(self, question: Question) -> None:
        bank_s, _ = clock_s(question.turn_s, question.match_s, self.told["increment_s"])
        if self._features["time"] == "1" and bank_s is not None:
            hundredths = max(1, int(think_s(bank_s) * _UNITS))
            self.say(f"time {hundredths}")
            self.say(f"otim {hundredths}")

    def end(self, result: MatchResult) -> None:
        """Tell the result."""
        white, black = result.scores[:2]
        told = "1/2-1/2" if white == black else "1-0" if white > black else "0-1"
        self.say(f"result {told} {{the match is over}}")

    def leave(self) -> None:
        """Let the engine go."""
        self.say("quit")

    def again(self) -> Talk[None]:
        """Set up the board anew."""
        self._new(_START)
        yield from self._settle()


def _check(text: str) -> None:
    """Raise what a line means that is neither a move nor a thought.

    Raises:
        TalkError: the engine gives up, or refuses what the game did; it has another opinion of the rules.
    """
    if text.startswith(("resign", "tellics resign")):
        gave_up(text)
    if text.startswith(("Illegal move", "Illegal position")):
        why = "it refuses what the game did"
        raise TalkError(why, text)


def _castled(move: str, *, white: bool) -> str:
    """Return what some engines write as O-O as the move of a king, anything else as it is."""
    king = _CASTLED.get(move.upper().replace("0", "O"))
    rank = 1 if white else 8
    return f"e{rank}{king}{rank}" if king else move


def _level(seconds: float, increment_s: float) -> str:
    """Return a whole match in `seconds`, and what each answer gives back."""
    whole = max(1, int(seconds))
    return f"level 0 {whole // 60}:{whole % 60:02d} {int(increment_s * _UNITS) / _UNITS:g}"


def _pieces(board: str) -> Iterator[tuple[str, str]]:
    """Yield (square, piece) of a FEN's board."""
    rows = board.split("/")
    for place, row in enumerate(rows):
        file = 0
        for letter in row:
            if letter.isdigit():
                file += int(letter)
            else:
                yield f"{chr(ord('a') + file)}{len(rows) - place}", letter
                file += 1


def _info(line: str) -> dict[str, Any] | None:
    """Return depth, score, nodes and line of play; not the time, which differs from run to run."""
    found = _THOUGHT.match(line)
    if found is None:
        return None
    depth, score, nodes, line_of_play = found.groups()
    numbers = {"depth": number(depth), "cp": number(score), "nodes": number(nodes)}
    known: dict[str, Any] = {name: value for name, value in numbers.items() if value is not None}
    return known | {"pv": clean(line_of_play.strip())}
