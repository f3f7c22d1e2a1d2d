"""When a rater that fits all results at once may do so while a run goes on."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SHARE = 0.05  # of the time, at most
_GROWTH = 1.02  # of the matches
_WAIT_S = 2.0
_FIT_S = 3e-7  # a fit without numpy, times the third power of the agents: what is expected of the first


class FitBudget:
    """Says when it is time: when the matches grew by 2% or 2 s passed, and never for more than 5% of the time.

    Attributes:
        fitted: matches at the last fit.
    """

    def __init__(self, clock: Callable[[], float], agents: int) -> None:
        self._clock = clock
        self._began = self._last = clock()
        self._spent_s = 0.0
        self._next_s = _FIT_S * agents**3  # what the next one is expected to take
        self.fitted = 0

    def due(self, matches: int) -> bool:
        """Say whether it is time."""
        now = self._clock()
        if matches == self.fitted or (matches < self.fitted * _GROWTH and now - self._last < _WAIT_S):
            return False
        return self._spent_s + self._next_s <= _SHARE * (now - self._began)

    @contextmanager
    def spending(self, matches: int) -> Iterator[None]:
        """Note what the body takes."""
        began = self._clock()
        yield
        self._last = self._clock()
        self._next_s = self._last - began
        self._spent_s += self._next_s
        self.fitted = matches
