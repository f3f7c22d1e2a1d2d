"""The steps that every level shares, in their order: limits, rights given up, Landlock, the filter of system calls."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine_host import forking, landlock, limits, seccomp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_MORE_ADDRESSES_MIB = 1024  # libraries, reservations and stacks of threads over what may be written
_STACK_MIB = 8
_TO_TELL_MIB = 8  # over the limit, for telling that it was reached: child.py keeps and gives it back
_UNLIMITED_TMP_MIB = 1 << 16
_THREADS = {"python": 64, "program": 160}  # a virtual machine has some for each core
_OPEN_FILES = {"python": 64, "program": 256}
_DEVICES = ("null", "full", "random", "urandom")
DEVICES = tuple(f"/dev/{name}" for name in _DEVICES)
AGENT, TMP = "/agent", "/tmp"  # noqa: S108 - the agent's own, in a namespace of its own


class Reach(NamedTuple):
    """Which files an agent may still use: paths."""

    readable: Sequence[str]
    writable: Sequence[str]
    executable: Sequence[str]


def restrain(job: Mapping[str, Any], program: bytes, reach: Reach, become: Callable[[], None], running: int) -> bytes:
    """Restrain this process for ever; return the key for the one exec of a program.

    Args:
        program: the filter; become: gives up rights; running: tasks that count against the agent's own already.
    """
    kind = job["kind"]
    limits.restrict(
        data_mib=job["memory_mib"] + (_TO_TELL_MIB if kind == "python" else 0) if job["memory_mib"] else 0,
        address_space_mib=job["memory_mib"] + _MORE_ADDRESSES_MIB if job["memory_mib"] and kind == "python" else 0,
        file_mib=job["tmp_mib"] or _UNLIMITED_TMP_MIB,
        stack_mib=_STACK_MIB,
        open_files=_OPEN_FILES[kind],
        tasks=running + _THREADS[kind] + (job["processes"] or _THREADS[kind]),
        cpu_s=0,  # the worker counts it, turn by turn
    )
    become()
    forking.die_with_parent()  # the kernel forgets it when the user changes
    if landlock.abi():
        landlock.restrict(readable=reach.readable, writable=reach.writable, executable=reach.executable)
    return seccomp.install(program)


def filter_of(level: seccomp.Level, whose: Mapping[str, Any]) -> bytes:
    """Return the filter for an agent by its kind and the processes it may have, None: any number.

    To be made once, before a match's process is forked: it takes longer than all the rest of containing it.
    """
    kind: seccomp.Kind = "program" if whose["kind"] == "program" else "python"
    return seccomp.filter_program(level=level, kind=kind, processes=whose["processes"] or _THREADS["program"])


def running_tasks(uid: int) -> int:
    """Return how many tasks a user has on this machine, where the kernel counts them all against one limit."""
    found = 0
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{name}").st_uid == uid:
                found += len(os.listdir(f"/proc/{name}/task"))
        except OSError:  # it ended
            continue
    return found
