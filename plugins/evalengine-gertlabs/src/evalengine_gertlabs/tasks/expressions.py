"""Compression of a number: the shortest expression whose value it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine_gertlabs.tasks.variants import COMPRESSION, Problem, Scored, Variant, shorter, spread, wrong

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

_DEEPEST = 40  # parentheses and powers within one another


class Number(Variant):
    """A large number, described by a sum, product or power of small ones."""

    name = "number"
    kind = COMPRESSION
    rules = (
        (
            (
                "You are given a whole number. Find an expression for it that is as short as possible.",
                "Below is a whole number. Write it as an expression of as few characters as you can.",
            ),
        ),
        (
            (
                "An expression is made of whole numbers in decimal, +, -, *, ^ for powers, and parentheses.",
                "Use decimal whole numbers, the signs + - * and ^ (power), and parentheses, nothing else.",
            ),
            (
                (
                    "^ binds before *, * before + and -; ^ groups from the right, the others from the left; "
                    "exponents are "
                    "not negative."
                ),
                (
                    "Powers come first, from the right, then products, then sums and differences, from the left; no "
                    "exponent is negative."
                ),
            ),
        ),
        (
            (
                (
                    "The fewer characters your expression has, the more points it is worth; its value must be "
                    "exactly the "
                    "given number."
                ),
                "Points are given for short expressions, counted in characters, whose value is the number exactly.",
            ),
        ),
    )

    def make(self, rng: random.Random, difficulty: float) -> Problem:
        while True:
            known = _sum(rng, difficulty)
            value = Expression(known, 4_000).value()
            digits = str(value)
            if value > 0 and max(8, 2 * len(known)) <= len(digits) <= spread(30, 300, difficulty):
                return Problem(f"The number, {len(digits)} digits:\n{digits}", {"number": digits, "known": len(known)})

    def score(self, state: Mapping[str, Any], answer: Any) -> Scored:
        number = state["number"]
        if isinstance(answer, int) and not isinstance(answer, bool):
            answer = str(answer)
        if not isinstance(answer, str):
            return wrong("the answer must be a text, the expression")
        if len(answer) > len(number):
            return wrong("the expression is longer than the number itself")
        try:
            found = Expression(answer, 8 * len(number)).value()
        except ValueError as error:
            return wrong(f"not an expression: {error}")
        if found != int(number):
            return wrong("the expression has another value")
        return shorter(len(answer), len(number), state["known"])


def _sum(rng: random.Random, difficulty: float) -> str:
    found = _product(rng, difficulty)
    for _ in range(spread(1, 4, difficulty)):
        found += rng.choice("+-") + _product(rng, difficulty)
    return found


def _product(rng: random.Random, difficulty: float) -> str:
    factors = []
    for _ in range(rng.randint(1, 2)):
        base = str(rng.randint(2, spread(9, 99, difficulty)))
        factors.append(f"{base}^{rng.randint(2, spread(12, 60, difficulty))}" if rng.random() < 0.7 else base)  # noqa: PLR2004 - most
    return "*".join(factors)


class Expression:
    """An arithmetic expression of a stranger.

    Args:
        bits: that no value on the way may exceed.
    """

    def __init__(self, text: str, bits: int) -> None:
        self._text = "".join(text.split())
        self._bits = bits
        self._place = 0
        self._depth = 0

    def value(self) -> int:
        """Return what it is.

        Raises:
            ValueError: it is none, or too large.
        """
        found = self._sum()
        if self._place < len(self._text):
            msg = f"{self._text[self._place]!r} at character {self._place + 1} is not expected"
            raise ValueError(msg)
        return found

    def _sum(self) -> int:
        found = self._product()
        while (sign := self._peek()) in {"+", "-"}:
            self._place += 1
            found += self._product() if sign == "+" else -self._product()
        return found

    def _product(self) -> int:
        found = self._power()
        while self._peek() == "*":
            self._place += 1
            found = self._bounded(found * self._power())
        return found

    def _power(self) -> int:
        base = self._atom()
        if self._peek() != "^":
            return base
        self._place += 1
        self._enter()
        exponent = self._power()
        self._depth -= 1
        if exponent < 0:
            msg = "an exponent is negative"
            raise ValueError(msg)
        if abs(base) > 1 and exponent * (abs(base).bit_length() - 1) > self._bits:
            msg = "a power is too large"
            raise ValueError(msg)
        return self._bounded(base ** min(exponent, self._bits + exponent % 2))

    def _atom(self) -> int:
        if self._peek() == "(":
            self._place += 1
            self._enter()
            found = self._sum()
            self._depth -= 1
            if self._peek() != ")":
                msg = f"a ) is missing at character {self._place + 1}"
                raise ValueError(msg)
            self._place += 1
            return found
        begin = self._place
        while self._peek() in {*"0123456789"}:
            self._place += 1
        if begin == self._place:
            msg = f"a number is missing at character {begin + 1}"
            raise ValueError(msg)
        return int(self._text[begin : self._place])

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            msg = f"more than {_DEEPEST} parentheses or powers within one another"
            raise ValueError(msg)

    def _bounded(self, value: int) -> int:
        if value.bit_length() > self._bits + 64:
            msg = "a value on the way is too large"
            raise ValueError(msg)
        return value

    def _peek(self) -> str:
        return self._text[self._place : self._place + 1]
