"""Identification: what made the data, a rule of cells seen through noise or one of several sources of letters."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from evalengine_gertlabs.tasks import automata
from evalengine_gertlabs.tasks.variants import IDENTIFICATION, Problem, Scored, Variant, spread, wrong

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

_WIDE = 0.5  # the difficulty from which rules look two cells far
_NAMES = "ABCDEFGHIJ"
_MARGIN = 2.0  # by which the source must be likelier than any other, as a logarithm


class Rule(Variant):
    """The table of a cellular automaton, of pairs of rows of which some cells are wrong."""

    name = "rule"
    kind = IDENTIFICATION
    rules = (
        (
            (
                (
                    "You are given pairs of rows of cells, 0 or 1. The second row of each pair was made of the first "
                    "by one "
                    "fixed rule; then some of its cells may have been flipped by noise."
                ),
                (
                    "Below are pairs of rows of 0 and 1. One fixed rule made the lower row of each pair of the upper "
                    "one, and "
                    "noise may have flipped a few of its cells afterwards."
                ),
            ),
            (
                (
                    "A cell depends on a window of cells above it, centred on its place; rows are rings, whose ends "
                    "are "
                    "neighbours. The problem says how wide the window is."
                ),
                (
                    "Each lower cell is decided by a window of upper cells with its own place in the middle, as wide "
                    "as the "
                    "problem says; the ends of a row are neighbours."
                ),
            ),
        ),
        (
            (
                (
                    "Give the rule as a text of 0 and 1: what becomes of each window, in the order of the window "
                    "read as a "
                    "binary number from left to right, 0...0 first."
                ),
                (
                    "Your answer is a text of 0 and 1 with one digit for each window, what it becomes; windows in "
                    "ascending "
                    "order as binary numbers, read from left to right."
                ),
            ),
            (
                "The exact rule is worth 1 point, another at most half, by how many windows are right.",
                "You get 1 point for the exact rule, and up to half a point for one that is mostly right.",
            ),
        ),
    )

    def make(self, rng: random.Random, difficulty: float) -> Problem:
        radius = 2 if difficulty >= _WIDE else 1
        noise, width = 0.12 * difficulty, spread(16, 40, difficulty)
        pairs = 4 if radius == 1 else 14
        while True:
            table = automata.drawn(rng, radius)
            upper = [automata.row(rng, width) for _ in range(pairs)]
            lower = [_noisy(automata.following(table, cells), noise, rng) for cells in upper]
            if _likeliest(upper, lower, radius) == table:
                break
            pairs += 1
        told = "\n\n".join(f"{one}\n{two}" for one, two in zip(upper, lower, strict=True))
        size = 2 * radius + 1
        text = f"Windows are {size} cells wide, so that the rule has {1 << size} digits. {pairs} pairs:\n\n{told}"
        return Problem(text, {"table": table})

    def score(self, state: Mapping[str, Any], answer: Any) -> Scored:
        return automata.agreement(state["table"], answer)


def _noisy(cells: str, part: float, rng: random.Random) -> str:
    return "".join("10"[int(cell)] if rng.random() < part else cell for cell in cells)


def _likeliest(upper: Sequence[str], lower: Sequence[str], radius: int) -> str | None:
    """Return the rule that fits most cells; None where a window never occurs or fits both alike."""
    votes: Counter[tuple[int, str]] = Counter()
    for above, below in zip(upper, lower, strict=True):
        for place, cell in enumerate(below):
            votes[automata.neighbourhood(above, place, radius), cell] += 1
    table = ""
    for window in range(1 << (2 * radius + 1)):
        zeros, ones = votes[window, "0"], votes[window, "1"]
        if zeros == ones:
            return None
        table += "1" if ones > zeros else "0"
    return table


class Source(Variant):
    """Which of several chains of letters a text came from."""

    name = "source"
    kind = IDENTIFICATION
    rules = (
        (
            (
                "You are given several sources of letters and a text that one of them made.",
                "Below are a text and several sources of letters, of which one made it.",
            ),
            (
                (
                    "A source begins with any letter, each as likely; then the chance of each letter depends on the "
                    "one "
                    "before it: a row of the source's table holds the chances after one letter, in hundredths."
                ),
                (
                    "The first letter is drawn evenly. Every other is drawn by the row of the letter before it in "
                    "the source's "
                    "table, whose numbers are chances in hundredths."
                ),
            ),
        ),
        (
            (
                "Give the name of the source that most likely made the text.",
                "Your answer is the name of the source from which the text most likely came.",
            ),
            ("The right one is worth 1 point, any other none.", "Only the right name is worth a point."),
        ),
    )

    def make(self, rng: random.Random, difficulty: float) -> Problem:
        letters = "abcde"[: spread(2, 5, difficulty)]
        count, length = spread(2, 8, difficulty), spread(40, 90, difficulty)
        while True:
            base = [_row(rng, letters, None, 1.0) for _ in letters]
            near = 0.9 - 0.6 * difficulty
            sources = [[_row(rng, letters, row, near) for row in base] for _ in range(count)]
            place = rng.randrange(count)
            text = _drawn(rng, letters, sources[place], length)
            fits = [_likelihood(text, letters, source) for source in sources]
            if all(fits[place] > fit + _MARGIN for number, fit in enumerate(fits) if number != place):
                break
            length += 2
        tables = [f"{_NAMES[number]}:\n{_table(letters, source)}" for number, source in enumerate(sources)]
        return Problem("\n\n".join([*tables, f"The text:\n{text}"]), {"name": _NAMES[place], "count": count})

    def score(self, state: Mapping[str, Any], answer: Any) -> Scored:
        names = _NAMES[: state["count"]]
        if not isinstance(answer, str) or len(answer) != 1 or answer not in names:
            return wrong(f"the answer must be one of {', '.join(names)}")
        right = answer == state["name"]
        return Scored(float(right), solved=right)


def _row(rng: random.Random, letters: str, near: Sequence[int] | None, part: float) -> list[int]:
    """Return chances in hundredths, none below 2; the smaller the part, the nearer to another row."""
    weights = [rng.random() + 0.05 for _ in letters]
    total = sum(weights)
    wanted = [100 * weight / total for weight in weights]
    if near is not None:
        wanted = [part * own + (1 - part) * other for own, other in zip(wanted, near, strict=True)]
    found = [max(2, round(chance)) for chance in wanted]
    found[found.index(max(found))] += 100 - sum(found)
    return found


def _drawn(rng: random.Random, letters: str, source: Sequence[Sequence[int]], length: int) -> str:
    text = rng.choice(letters)
    while len(text) < length:
        text += rng.choices(letters, source[letters.index(text[-1])])[0]
    return text


def _likelihood(text: str, letters: str, source: Sequence[Sequence[int]]) -> float:
    pairs = itertools.pairwise(text)
    return sum(math.log(source[letters.index(one)][letters.index(two)]) for one, two in pairs)


def _table(letters: str, source: Sequence[Sequence[int]]) -> str:
    head = "   " + "".join(f"{letter:>4}" for letter in letters)
    rows = [
        f"{letter}: {''.join(f'{chance:>4}' for chance in row)}" for letter, row in zip(letters, source, strict=True)
    ]
    return "\n".join([head, *rows])
