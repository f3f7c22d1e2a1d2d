"""The server's log: standard error, one line an event, which nothing that a client sends can break or colour."""

from __future__ import annotations

import contextlib
import sys
import time
import traceback

_LONGEST = 2_000  # characters of a line
_FRAMES = 4  # of a traceback, the innermost


def log(text: str) -> None:
    """Write a line with the time; control characters are replaced."""
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:_LONGEST].rstrip())
    with contextlib.suppress(OSError, ValueError):  # nobody reads it any more: no reason to end
        sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {clean}\n")
        sys.stderr.flush()


def crash(error: BaseException) -> str:
    """Return an exception in one line: what and, innermost last, where."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    where = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
    return f"{type(error).__name__}: {error} ({where})"
