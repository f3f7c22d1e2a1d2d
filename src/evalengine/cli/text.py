"""Text for people: tables, cut to the terminal's width."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return aligned columns; the last one is cut on a terminal, and whole elsewhere."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    lines = ("  ".join(cell.ljust(wide) for cell, wide in zip(row, widths, strict=True)) for row in [head, *rows])
    return "\n".join(line.rstrip()[:width] for line in lines)
