"""The faults of agents in this process, and of actions that a game refused, as they are told."""

from __future__ import annotations

import traceback as tracebacks
from typing import TYPE_CHECKING

from evalengine.model import Fault, FaultKind

if TYPE_CHECKING:
    from evalengine.model import Action


def crash(error: BaseException) -> Fault:
    """Return the fault of an agent that raised `error` in this process."""
    last = tracebacks.extract_tb(error.__traceback__)[-1:]
    where = f" ({last[0].filename.rsplit('/', 1)[-1]}:{last[0].lineno})" if last else ""
    told = "".join(tracebacks.format_exception(error)).encode("utf-8", "backslashreplace").decode()
    return Fault(FaultKind.CRASH.value, _line(f"{type(error).__name__}: {_shown(error)[:120]}{where}"), told)


def illegal(action: Action, reason: str) -> Fault:
    """Return the fault of an action that the game refused."""
    return Fault(FaultKind.ILLEGAL.value, _line(f"{_written(action)[:60]}: {reason}"))


def _shown(value: object) -> str:
    """Return an agent's object as text: it may be nested too deep, too long a number, or break when it is asked."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - the agent border: a failing agent is data
        return f"a {type(value).__name__} that cannot be shown"


def _written(value: object) -> str:
    """Return a value as it is written in Python: '3' is no 3."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - the agent border, as above
        return f"a {type(value).__name__} that cannot be shown"


def _line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text[:200])
