"""Cellular automata of one dimension on a ring, of two kinds of cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine_gertlabs.tasks.variants import Scored, wrong

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

_HALF = 0.5


def drawn(rng: random.Random, radius: int) -> str:
    """Return a rule: what becomes of each neighbourhood, in the order of its value as a binary number."""
    size = 1 << (2 * radius + 1)
    while True:
        table = "".join(rng.choice("01") for _ in range(size))
        if size // 4 <= table.count("1") <= size - size // 4:  # others soon stand still
            return table


def row(rng: random.Random, width: int) -> str:
    """Return a row."""
    return "".join(rng.choice("01") for _ in range(width))


def neighbourhood(cells: str, place: int, radius: int) -> int:
    """Return the cells around a place as a binary number, the leftmost cell its first digit."""
    width = len(cells)
    return int("".join(cells[(place + offset) % width] for offset in range(-radius, radius + 1)), 2)


def following(table: str, cells: str) -> str:
    """Return the row after another."""
    radius = (len(table).bit_length() - 2) // 2
    return "".join(table[neighbourhood(cells, place, radius)] for place in range(len(cells)))


def history(table: str, first: str, rows: int) -> list[str]:
    """Return so many rows."""
    found = [first]
    while len(found) < rows:
        found.append(following(table, found[-1]))
    return found


def neighbourhoods(rows: Sequence[str], radius: int) -> set[int]:
    """Return those that occur."""
    return {neighbourhood(cells, place, radius) for cells in rows for place in range(len(cells))}


def varied(rows: Sequence[str]) -> bool:
    """Say whether rows do not soon repeat themselves."""
    return len(set(rows)) == len(rows)


def agreement(known: str, answer: Any) -> Scored:
    """Return the score of a text of 0 and 1: guessed ones are worth nothing."""
    if not isinstance(answer, str) or len(answer) != len(known) or set(answer) - {"0", "1"}:
        return wrong(f"the answer must be a text of {len(known)} digits 0 and 1")
    if answer == known:
        return Scored(1.0, solved=True)
    right = sum(given == digit for given, digit in zip(answer, known, strict=True)) / len(known)
    return Scored(round(_HALF * max(0.0, 2 * right - 1), 6), solved=False)
