"""An agent's tasks as the kernel shows them: CPU used, time kept waiting for a core; stopped, and let go on.

A family is a process, its living children, theirs, and so on. Linux only: elsewhere nothing is known and nothing is
stopped.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

KNOWN = sys.platform == "linux"
_PASSES = 5
_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def cpu_ns(pid: int) -> int:
    """Return the CPU time of a family so far, ended threads and children that were waited for included."""
    return sum(own_cpu_ns(one) + _ended_ns(one) for one in family(pid)) if KNOWN else 0


def family(pid: int) -> list[int]:
    """Return a process and its living descendants, each after its parent."""
    found = [pid]
    for one in found:  # which grows meanwhile
        with contextlib.suppress(OSError):  # it ended
            for task in os.listdir(f"/proc/{one}/task"):  # noqa: PTH208 - pathlib takes five times as long
                found += map(int, _read(f"/proc/{one}/task/{task}/children").split())
    return found


def own_cpu_ns(pid: int) -> int:
    """Return the CPU time of one process so far, ended threads included; for 1 us instead of 20."""
    if not KNOWN:
        return 0
    try:
        return time.clock_gettime_ns(~pid << 3 | 2)  # as clock_getcpuclockid(3) makes it: all threads of the process
    except OSError:  # it ended
        return 0


def _ended_ns(pid: int) -> int:
    """Return the CPU time of the children that a process has waited for, and of theirs."""
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return (int(fields[13]) + int(fields[14])) * _TICK_NS if fields else 0


def let_others_finish() -> None:
    """Have this thread wait its turn when it is woken by whoever runs on its core; agents do not take after it.

    An engine writes line after line before its move: each would take the core away from it, and its caches. With agents
    that say one thing a turn nothing is won, and on a busy machine much is lost.
    """
    with contextlib.suppress(OSError):  # a container may refuse it: slower, nothing else
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def waits(pid: int) -> dict[int, tuple[int, int]]:
    """Return by thread of a family the nanoseconds that it ran, and that it could have run but had no core.

    Threads are left out that asked for less of the machine than this one has: they wait of their own will.
    """
    if not KNOWN:
        return {}
    found = {}
    ours = _share(0)
    for one in family(pid):
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{one}/task"):  # noqa: PTH208 - as above
                fields = _read(f"/proc/{one}/task/{task}/schedstat").split()
                if fields and _share(int(task)) == ours:
                    found[int(task)] = (int(fields[0]), int(fields[1]))
    return found


def _share(task: int) -> tuple[int, int, set[int]]:
    """Return what a thread has of the machine, 0: this one: its niceness, policy and cores."""
    policy = os.sched_getscheduler(task)
    if task == 0 and policy == os.SCHED_BATCH:
        policy = os.SCHED_OTHER  # which agents are given: see let_others_finish, and the zygote
    return os.getpriority(os.PRIO_PROCESS, task), policy, os.sched_getaffinity(task)


def freeze(pid: int) -> list[int]:
    """Stop a family; return what `thaw` takes."""
    stopped: list[int] = []
    # Again, for what a process started before it was stopped; not for ever, should that never end.
    for _ in range(_PASSES if KNOWN else 0):
        new = [one for one in family(pid) if one not in stopped]
        _signal(new, signal.SIGSTOP)
        stopped += new
        if not new:
            break
    return stopped


def thaw(stopped: Iterable[int]) -> None:
    """Let processes go on that `freeze` stopped."""
    _signal(stopped, signal.SIGCONT)


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it ended, or it took another user's rights
            os.kill(pid, number)


def _read(path: str) -> bytes:
    """Return the beginning of a file of /proc; nothing when its process ended or the kernel does not have it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, 1 << 16)
    except ProcessLookupError:
        return b""
    finally:
        os.close(descriptor)
