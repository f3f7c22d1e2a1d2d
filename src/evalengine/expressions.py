"""Expressions with and, or, not and parentheses over words: which games, which agents fit, which matches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from evalengine.errors import UsageError

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<operator>and|or|not)(?=[\s()]|$)
    | (?P<bracket>[()])
    | (?P<word>[^\s()]+(?:\([^()]*\)[^\s()]*)?)   # hex, hex(size=5), openspiel:chess, ./folder, hex(size=5)::a-vs-b[17]
    )""",
    re.VERBOSE,
)

_DEEPEST = 50  # brackets and nots within one another

Test = Callable[[Callable[[str], bool]], bool]
"""A parsed expression: called with what says whether a word holds."""


class Expression:
    """A parsed expression.

    Attributes:
        words: the words in it, in their order.

    Raises:
        UsageError: it cannot be parsed; the text points at the place.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.words: list[str] = []
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0
        self._test = self._either()
        if self._at < len(self._tokens):
            raise self._error()

    def holds(self, word_holds: Callable[[str], bool]) -> bool:
        """Say whether the expression holds when `word_holds` says so of each word."""
        return self._test(word_holds)

    def _either(self) -> Test:
        tests = [self._both()]
        while self._accept("or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda holds: any(test(holds) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._accept("and"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda holds: all(test(holds) for test in tests)

    def _one(self) -> Test:
        if self._accept("not"):
            negated = self._deeper(self._one)
            return lambda holds: not negated(holds)
        if self._accept("("):
            inner = self._deeper(self._either)
            if not self._accept(")"):
                raise self._error()
            return inner
        if self._at == len(self._tokens) or self._tokens[self._at][0] != "word":
            raise self._error()
        word = self._tokens[self._at][1]
        self._at += 1
        self.words.append(word)
        return lambda holds: holds(word)

    def _deeper(self, parse: Callable[[], Test]) -> Test:
        self._depth += 1
        if self._depth > _DEEPEST:
            msg = f"{self.text[:40]!r}... is nested too deep: more than {_DEEPEST} brackets or nots in one another"
            raise UsageError(msg)
        test = parse()
        self._depth -= 1
        return test

    def _accept(self, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at][:2] == (_kind_of(text), text):
            self._at += 1
            return True
        return False

    def _error(self) -> UsageError:
        at = self._tokens[self._at][2] if self._at < len(self._tokens) else len(self.text)
        found = repr(self.text[at:]) if at < len(self.text) else "the end"
        return UsageError(f"{self.text!r} is no expression: a name or '(' was expected before {found}")


def _kind_of(text: str) -> str:
    return "bracket" if text in "()" else "operator"


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """Yield (kind, text, position)."""
    at = 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        assert found is not None  # some alternative takes any character
        assert found.lastgroup is not None
        yield found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)
        at = found.end()
