"""What the thread of a match is doing, and how long it may: for another thread, since one that hangs cannot say."""

from __future__ import annotations

import math
import time
from typing import NamedTuple


class _Doing(NamedTuple):
    what: str
    limit_s: float
    until_s: float


class Patience:
    """One thread's.

    Args:
        hung_s: for which whatever it does is waited at least.
    """

    def __init__(self, hung_s: float) -> None:
        self._hung_s = hung_s
        self._doing: _Doing | None = None  # None: it waits for somebody elsewhere

    def begins(self, what: str, limit_s: float | None = 0.0) -> None:
        """Note what is begun.

        Args:
            limit_s: for which it is waited at least; None: as long as it likes.
        """
        limit_s = math.inf if limit_s is None else max(self._hung_s, limit_s)
        self._doing = _Doing(what, limit_s, time.monotonic() + limit_s)

    def waits(self) -> None:
        """Note that it waits for somebody elsewhere, who may take as long as they like."""
        self._doing = None

    def stuck(self) -> str | None:
        """Return what has not returned in its time, None: nothing."""
        doing = self._doing
        if doing is None or time.monotonic() < doing.until_s:
            return None
        return f"{doing.what} did not return in {doing.limit_s:g} s"
