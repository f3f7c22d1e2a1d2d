"""Compression of a text: its shortest description in a small language that is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine_gertlabs.tasks.variants import COMPRESSION, Problem, Scored, Variant, shorter, spread, wrong

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

_DEEPEST = 40  # groups within one another
_LETTERS, _NAMES = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Repeats(Variant):
    """A text of letters, described by repetition, reversal and names."""

    name = "repeats"
    kind = COMPRESSION
    rules = (
        (
            (
                "You are given a text of lower-case letters. Find a description of it that is as short as possible.",
                "Below is a text of lower-case letters. Describe it in as few characters as you can.",
            ),
        ),
        (
            ("A letter stands for itself.", "Each lower-case letter means that letter."),
            (
                "n(D), with a number n of at least 2, stands for D repeated n times: 3(ab) is ababab.",
                "To repeat D n times, n at least 2, write n(D): 3(ab) is ababab.",
            ),
            (
                "~(D) stands for D read backwards: ~(abc) is cba.",
                "D backwards is written ~(D): ~(abc) is cba.",
            ),
            (
                (
                    "N=D; at the beginning, with a capital letter N, lets N stand for D in all that follows: "
                    "X=abc;XXdX is "
                    "abcabcdabc."
                ),
                (
                    "A description may begin with definitions N=D; of capital letters N, each of which stands for "
                    "its D "
                    "afterwards: X=abc;XXdX is abcabcdabc."
                ),
            ),
        ),
        (
            (
                (
                    "The fewer characters your description has, the more points it is worth; it must stand for "
                    "exactly the "
                    "given text."
                ),
                "Points are given for short descriptions, counted in characters, that stand for the text exactly.",
            ),
        ),
    )

    def make(self, rng: random.Random, difficulty: float) -> Problem:
        while True:
            known = _written(rng, difficulty)
            text = _expanded(known, 100_000)
            least, most = spread(24, 120, difficulty), spread(80, 700, difficulty)
            if text is not None and max(least, 2 * len(known)) <= len(text) <= most:
                return Problem(f"The text, {len(text)} letters:\n{text}", {"text": text, "known": len(known)})

    def score(self, state: Mapping[str, Any], answer: Any) -> Scored:
        text = state["text"]
        if not isinstance(answer, str):
            return wrong("the answer must be a text, the description")
        if len(answer) > len(text):
            return wrong("the description is longer than the text itself")
        try:
            found = _expanded(answer, len(text))
        except ValueError as error:
            return wrong(f"not a description: {error}")
        if found != text:
            return wrong("the description does not stand for the given text")
        return shorter(len(answer), len(text), state["known"])


def _written(rng: random.Random, difficulty: float) -> str:
    """Return a description, drawn at random."""
    letters = rng.sample(_LETTERS, spread(2, 6, difficulty))
    names = rng.sample(_NAMES, spread(0, 3, difficulty))
    parts, known = [], ""
    for name in names:
        parts.append(f"{name}={_group(rng, letters, known, spread(0, 1, difficulty))};")
        known += name
    body = "".join(_group(rng, letters, known, spread(1, 3, difficulty)) for _ in range(spread(1, 4, difficulty)))
    return "".join([*parts, body])


def _group(rng: random.Random, letters: list[str], names: str, depth: int) -> str:
    parts = []
    for _ in range(rng.randint(1, 3)):
        kind = rng.random()
        if depth and kind < 0.5:  # noqa: PLR2004 - half are repeated
            parts.append(f"{rng.randint(2, 6)}({_group(rng, letters, names, depth - 1)})")
        elif depth and kind < 0.65:  # noqa: PLR2004 - some reversed
            parts.append(f"~({_group(rng, letters, names, depth - 1)})")
        elif names and kind < 0.85:  # noqa: PLR2004 - some named
            parts.append(rng.choice(names))
        else:
            parts.append("".join(rng.choices(letters, k=rng.randint(1, 4))))
    return "".join(parts)


def _expanded(description: str, most: int) -> str | None:
    """Return the text that a description stands for, None when it has more than `most` letters.

    Raises:
        ValueError: it is no description.
    """
    reader = _Reader(description, most)
    try:
        return reader.whole()
    except OverflowError:
        return None


class _Reader:
    def __init__(self, text: str, most: int) -> None:
        self._text = text
        self._most = most
        self._place = 0
        self._named: dict[str, str] = {}

    def whole(self) -> str:
        while self._text[self._place + 1 : self._place + 2] == "=":
            name = self._next()
            if name not in _NAMES:
                self._refuse("a capital letter before =")
            self._next()
            self._named[name] = self._items(0)
            self._expect(";")
        found = self._items(0)
        if self._place < len(self._text):
            self._refuse("an end")
        return found

    def _items(self, depth: int) -> str:
        if depth > _DEEPEST:
            self._refuse(f"at most {_DEEPEST} groups within one another")
        parts: list[str] = []
        size = 0
        while self._place < len(self._text) and self._text[self._place] not in ");":
            parts.append(self._item(depth))
            size += len(parts[-1])
            if size > self._most:
                raise OverflowError
        return "".join(parts)

    def _item(self, depth: int) -> str:
        mark = self._next()
        if mark in _LETTERS:
            return mark
        if mark in self._named:
            return self._named[mark]
        if mark == "~":
            return self._inner(depth)[::-1]
        if mark not in "0123456789":
            self._place -= 1
            self._refuse("a letter, a known name, a number or ~")
        digits = mark
        while self._text[self._place : self._place + 1] in {*"0123456789"} and len(digits) < 6:  # noqa: PLR2004 - enough
            digits += self._next()
        times, inner = int(digits), self._inner(depth)
        if times < 2:  # noqa: PLR2004 - as the rules say
            self._refuse("a number of at least 2")
        if times * len(inner) > self._most:
            raise OverflowError
        return inner * times

    def _inner(self, depth: int) -> str:
        self._expect("(")
        found = self._items(depth + 1)
        self._expect(")")
        return found

    def _next(self) -> str:
        self._place += 1
        return self._text[self._place - 1]

    def _expect(self, mark: str) -> None:
        if self._text[self._place : self._place + 1] != mark:
            self._refuse(mark)
        self._place += 1

    def _refuse(self, wanted: str) -> None:
        msg = f"at character {self._place + 1} {wanted} is expected"
        raise ValueError(msg)
