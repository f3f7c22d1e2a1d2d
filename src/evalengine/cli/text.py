"""Text for people: what goes to the terminal passes here, so that no agent's output steers it."""

from __future__ import annotations

import contextlib
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

import click

from evalengine.errors import StorageError
from evalengine.seats import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDEST = 100  # columns of a rule, however wide the terminal
_LEAST_ROOM = 20  # columns; narrower, a wrapped text is harder to read than a long line


def out(text: str) -> None:
    """Print a result to stdout.

    Raises:
        StorageError: it is a file on a full disk.
    """
    try:
        click.echo(printable(text))
    except BrokenPipeError:
        raise
    except OSError as error:
        msg = f"standard output cannot be written: {error.strerror}"
        raise StorageError(msg) from error


def note(text: str, *, end: bool = True) -> None:
    """Print progress or a note to stderr; whoever closed it has seen enough."""
    with contextlib.suppress(OSError):
        click.echo(printable(text), nl=end, err=True)


def width() -> int:
    """Return the columns to fill."""
    return min(shutil.get_terminal_size().columns, _WIDEST)


def rule(text: str) -> str:
    """Return `text` in the middle of a line of '='."""
    return f" {text} ".center(width(), "=")


def one_line(text: str) -> str:
    """Return `text` without its line breaks."""
    return " ".join(text.split("\n"))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return aligned columns; the last one is wrapped on a terminal, and whole elsewhere."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head) - 1)]
    indent = sum(widths) + 2 * len(widths)
    room = shutil.get_terminal_size().columns - indent if sys.stdout.isatty() else 0
    lines = []
    for *cells, last in [head, *rows]:
        parts = textwrap.wrap(last, room) if room >= _LEAST_ROOM else [last]
        start = "".join(cell.ljust(wide + 2) for cell, wide in zip(cells, widths, strict=True))
        lines += [start + (parts[0] if parts else ""), *(" " * indent + part for part in parts[1:])]
    return "\n".join(line.rstrip() for line in lines)
