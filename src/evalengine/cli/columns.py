"""Tables that are wider than a terminal: columns in groups, as many beside each other as there is room for."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    Column = Sequence[str]  # its head, then a cell a row

_BETWEEN = "  "
_APART = "   "  # between groups


def beside(fixed: Sequence[Column], groups: Iterable[Sequence[Column]]) -> Iterator[str]:
    """Yield the lines of a table; what does not fit stands below, after the fixed columns once more.

    Args:
        fixed: columns that each part begins with, aligned to the left; those of `groups` are aligned to the right.
    """
    start = [_BETWEEN.join(cells) for cells in zip(*(_aligned(column, left=True) for column in fixed), strict=True)]
    room = shutil.get_terminal_size().columns - len(start[0]) - 1
    for number, part in enumerate(_parts([_joined(group) for group in groups], room)):
        if number:
            yield ""
        for row in zip(start, *part, strict=True):
            yield (" " + _APART.join(row)).rstrip()


def _joined(group: Sequence[Column]) -> list[str]:
    aligned = [_aligned(column, left=False) for column in group if any(column[1:])]
    return [_BETWEEN.join(cells) for cells in zip(*aligned, strict=True)]


def _aligned(column: Column, *, left: bool) -> list[str]:
    width = max(map(len, column))
    return [cell.ljust(width) if left else cell.rjust(width) for cell in column]


def _parts(blocks: Sequence[list[str]], room: int) -> Iterator[list[list[str]]]:
    """Yield the blocks that fit beside each other; one at least."""
    part: list[list[str]] = []
    used = 0
    for block in blocks:
        wide = len(_APART) + len(block[0])
        if part and used + wide > room:
            yield part
            part, used = [], 0
        part.append(block)
        used += wide
    if part:
        yield part
