"""Whether a call of the game returns at all: looked at now and then by a timer, so that it costs the calls nothing."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from evalengine.testing.breaches import Broken
from evalengine.testing.subject import CALLS

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE_S = 10.0  # for one call: it is refused after once to twice that
_NEVER = "(nothing was called since)"


@contextmanager
def watched() -> Iterator[None]:
    """Raise Broken in what is done here if one call of the game does not return.

    Only in the main thread, and only where nobody else uses the timer.
    """
    mine = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    if not mine:
        yield
        return
    signal.signal(signal.SIGALRM, _look)
    signal.setitimer(signal.ITIMER_REAL, _PATIENCE_S, _PATIENCE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _look(_number: int, _frame: Any) -> None:
    if CALLS and CALLS[-1].startswith(_NEVER):
        _refuse(CALLS[-1].removeprefix(_NEVER))
    if CALLS:
        CALLS.append(_NEVER + CALLS[-1])  # the next call puts its own name in its place


def _refuse(name: str) -> NoReturn:
    CALLS.clear()
    told = f"{name}() did not return in {_PATIENCE_S:g} s"
    raise Broken(told, "Look for a loop that does not end", call=f"{name}()")
