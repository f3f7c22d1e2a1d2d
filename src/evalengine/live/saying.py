"""What a match says; in short turns all of one at once, since to wake a process costs as much as an answer."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Saying:
    """One match's.

    Attributes:
        swift: whether the last turn was so short that what is said in the next may wait for its end.

    Args:
        tell: takes what is said: lists of kinds with their fields.
    """

    def __init__(self, tell: Callable[[Sequence[Sequence[Any]]], None]) -> None:
        self._tell = tell
        self._unsaid: list[Sequence[Any]] = []
        self._lock = threading.Lock()
        self.swift = False

    def say(self, kind: int, *fields: Any) -> None:
        """Say something, or keep it back for a moment."""
        with self._lock:
            self._unsaid.append((kind, *fields))
        if not self.swift:
            self.say_all()

    def say_all(self) -> None:
        """Say what was kept back; for other threads too."""
        with self._lock:
            unsaid, self._unsaid = self._unsaid, []
            if unsaid:
                self._tell(unsaid)
