"""The list of rules: a rule is a function of a subject that returns what was tried, or raises a Breach."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalengine.testing.subject import Subject


class Rule(NamedTuple):
    """One rule.

    Attributes:
        name: one word; doc: what it holds a game to, in one line.
        needs_play: it has nothing to say of a game that cannot be played.
    """

    name: str
    doc: str
    function: Callable[[Subject], str]
    needs_play: bool = True


RULES: dict[str, Rule] = {}
"""By name, in the order in which they are tried."""


def rule(name: str, *, needs_play: bool = True) -> Callable[[Callable[[Subject], str]], Callable[[Subject], str]]:
    """Return a decorator that lists a function as a rule; its docstring's first line is told to people."""

    def put(function: Callable[[Subject], str]) -> Callable[[Subject], str]:
        doc = (function.__doc__ or "").split("\n")[0]
        RULES[name] = Rule(name, doc, function, needs_play)
        return function

    return put
