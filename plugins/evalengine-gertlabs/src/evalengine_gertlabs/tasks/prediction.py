"""Prediction: what comes next, of numbers that follow a rule or of cells that do."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from evalengine_gertlabs.tasks import automata
from evalengine_gertlabs.tasks.variants import PREDICTION, Problem, Scored, Variant, spread, wrong

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping

_ASKED = 5
_LARGEST = 10**12


class Sequence(Variant):
    """Whole numbers by a hidden rule: polynomials, recurrences, remainders, and these woven or added together."""

    name = "sequence"
    kind = PREDICTION
    rules = (
        (
            (
                "You are given the beginning of a sequence of whole numbers that a hidden rule makes.",
                "Below are the first terms of a sequence of whole numbers; a rule that is not told makes it.",
            ),
        ),
        (
            (
                (
                    "Rules are polynomials in the place, linear recurrences, remainders of these by a fixed number, "
                    "and sums, "
                    "running sums or interleavings of such sequences."
                ),
                (
                    "A rule may be a polynomial of the place, a linear recurrence, a remainder of one by a fixed "
                    "number, or a "
                    "sum, a running sum or an interleaving of sequences like these."
                ),
            ),
        ),
        (
            (
                f"Give the next {_ASKED} terms, as a list of numbers.",
                f"Your answer is the list of the {_ASKED} terms that come next.",
            ),
            (
                "Points are given for the terms that are right before the first that is wrong.",
                "Terms count up to the first wrong one.",
            ),
        ),
    )

    def make(self, rng: random.Random, difficulty: float) -> Problem:
        shown = spread(12, 40, difficulty)
        while True:
            terms = list(itertools.islice(_rule(rng, spread(0, 3, difficulty), difficulty), shown + _ASKED))
            if max(map(abs, terms)) < _LARGEST and len(set(terms)) > 3:  # noqa: PLR2004 - not a few again and again
                break
        told = ", ".join(map(str, terms[:shown]))
        return Problem(f"The first {shown} terms:\n{told}", {"next": terms[shown:]})

    def score(self, state: Mapping[str, Any], answer: Any) -> Scored:
        known = state["next"]
        if not isinstance(answer, list) or len(answer) != len(known):
            return wrong(f"the answer must be a list of {len(known)} numbers")
        right = sum(1 for _ in itertools.takewhile(lambda pair: _equal(*pair), zip(answer, known, strict=True)))
        return Scored(right / len(known), solved=right == len(known))


def _equal(given: Any, known: int) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool) and given == known


def _rule(rng: random.Random, depth: int, difficulty: float) -> Iterator[int]:
    if not depth:
        return _polynomial(rng, difficulty) if rng.random() < 0.4 else _recurrence(rng, difficulty)  # noqa: PLR2004 - most
    kind = rng.choice(("added", "woven", "running", "remainder"))
    inner = _rule(rng, depth - 1, difficulty)
    if kind == "running":
        return itertools.accumulate(inner)
    if kind == "remainder":
        modulus = rng.randint(5, spread(20, 200, difficulty))
        return (term % modulus for term in inner)
    other = _rule(rng, rng.randint(0, depth - 1), difficulty)
    if kind == "added":
        return (one + two for one, two in zip(inner, other, strict=False))
    return (term for pair in zip(inner, other, strict=False) for term in pair)


def _polynomial(rng: random.Random, difficulty: float) -> Iterator[int]:
    factors = [rng.randint(-5, 9) for _ in range(spread(2, 4, difficulty))]
    return (sum(factor * place**power for power, factor in enumerate(factors)) for place in itertools.count())


def _recurrence(rng: random.Random, difficulty: float) -> Iterator[int]:
    order, modulus = spread(1, 3, difficulty), rng.randint(11, spread(30, 1_000, difficulty))
    factors = [rng.randint(1, 4) for _ in range(order)]
    constant, terms = rng.randint(0, 9), [rng.randint(0, 9) for _ in range(order)]
    while True:
        yield terms[0]
        following = sum(factor * term for factor, term in zip(factors, terms, strict=True)) + constant
        terms = [*terms[1:], following % modulus]


class Cells(Variant):
    """Rows of an elementary cellular automaton, whose rule is hidden but shown by what it does."""

    name = "cells"
    kind = PREDICTION
    rules = (
        (
            (
                (
                    "You are given rows of cells, 0 or 1, one below the other. A fixed rule makes each row of the one "
                    "above."
                ),
                "Below are rows of cells that are 0 or 1; each row follows from the one above by one rule.",
            ),
            (
                (
                    "A cell depends on the cell above it and that one's left and right neighbours; the row is a "
                    "ring, its "
                    "ends are neighbours."
                ),
                (
                    "Each cell is decided by three cells above: left, middle, right; the first and the last cell of "
                    "a row are "
                    "neighbours."
                ),
            ),
        ),
        (
            (
                "Give the row that comes as many rows later as is said, as a text of 0 and 1.",
                "Your answer is a text of 0 and 1: the row so many rows after the last one shown.",
            ),
            (
                "A row that is right throughout is worth 1 point, another at most half, by how many cells are right.",
                "You get 1 point for the exact row, and up to half a point for one that is mostly right.",
            ),
        ),
    )

    def make(self, rng: random.Random, difficulty: float) -> Problem:
        width, later, rows = spread(12, 48, difficulty), spread(1, 6, difficulty), spread(12, 6, difficulty)
        while True:
            table = automata.drawn(rng, 1)
            history = automata.history(table, automata.row(rng, width), rows + later)
            seen = automata.neighbourhoods(history[: rows - 1], 1)
            if len(seen) == len(table) and automata.varied(history):
                break
        shown = "\n".join(history[:rows])
        asked = "the next row" if later == 1 else f"the row {later} rows after the last one shown"
        return Problem(f"{rows} rows of {width} cells; give {asked}:\n{shown}", {"row": history[rows - 1 + later]})

    def score(self, state: Mapping[str, Any], answer: Any) -> Scored:
        return automata.agreement(state["row"], answer)
