"""Words and numbers, a line each: for languages without a JSON library; docs/programs.md has the lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from evalengine.model import FaultKind
from evalengine.talk import Dialect, Question, Talk, TalkError

if TYPE_CHECKING:
    from evalengine.model import Action, MatchResult

_NONE = "-"


class PlainText(Dialect):
    """A program that reads lines of words and answers with one word."""

    strict = True

    def start(self) -> Talk[None]:
        """Tell of the match; nothing is answered."""
        told = self.told
        self.say(f"start {told['seat']} {told['seats']} {told['game']}")
        self.say(f"seed {told['seed']}")
        for words in _lines("config", told["config"]):
            self.say(words)
        yield from ()

    def ask(self, question: Question) -> Talk[tuple[Any, Any]]:
        """Ask with lines up to `go`, and take the next line for the answer."""
        self.say(f"turn {question.turn}")
        self.say(f"clock {_word(question.clock_s)}")
        for words in _lines("view", question.view):
            self.say(words)
        legal = question.legal
        actions = {} if legal is None else {_written(question, action): action for action in legal}
        self.say(" ".join(("legal", *(actions if legal is not None else [_NONE]))))
        self.say("go")
        line = yield None
        word = line.strip()
        if not word:
            why = "no action in"
            raise TalkError(why, line)
        if legal is None:
            return _read(word), None
        if word in actions:
            return actions[word], None
        msg = f"{word[:60]!r}: not a legal action"
        raise TalkError(msg, kind=FaultKind.ILLEGAL)

    def end(self, result: MatchResult) -> None:
        """Tell the result."""
        self.say(" ".join(("scores", *map(_word, result.scores))))
        self.say(" ".join(("places", *map(_word, result.places))))
        self.say("end")


def _written(question: Question, action: Action) -> str:
    return _word(action if type(action) in {int, str} else question.text(action))


def _read(word: str) -> int | float | str:
    """Return the action of a game that cannot list them: a number, else the text."""
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def _lines(name: str, value: Any) -> Iterator[str]:
    """Yield a line for each entry of a mapping, nested ones with dots; one line for anything else."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            head = f"{name} {_word(key)}" if " " not in name else f"{name}.{_word(key)}"
            yield from _lines(head, inner)
    else:
        yield " ".join((name, *_words(value)))


def _words(value: Any) -> Iterator[str]:
    """Yield the words of a value, lists within lists one after another."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, Mapping):
        value = [part for item in value.items() for part in item]
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _words(inner)
    else:
        yield _word(value)


def _word(value: Any) -> str:
    """Return a value without white space in it."""
    if value is None or value == "":
        return _NONE
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, bytes):
        return value.hex() or _NONE
    return "_".join(str(value).split()) or "_"
