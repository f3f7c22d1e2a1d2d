"""What no limit of the kernel bounds whole, looked at from outside: a folder's size, memory that is really there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from evalengine import tasks
from evalengine.model import Fault, FaultKind

if TYPE_CHECKING:
    from evalengine.model import Limits
    from evalengine.processes import Child

_FILES_A_MIB = 256
_LEAST_FILES = 1024
_BLOCK = 512
_KIB = 1024
_SLACK_MIB = 16  # the interpreter's own, and what it keeps for telling that the limit was reached
_RESIDENT = "status", b"RssAnon:"
_SHARED_IN_PARTS = "smaps_rollup", b"Pss_Anon:"


class Watch:
    """One agent's folder and processes in one match.

    Attributes:
        fault: what it did wrong, once it is seen; it is dead then.
    """

    def __init__(self, limits: Limits, child: Child, folder: str) -> None:
        """Watch memory and `folder`, "" when the kernel bounds it."""
        self._child = child
        self._folder = folder if limits.tmp_mib is not None else ""
        self._tmp_mib = limits.tmp_mib or 0
        self._memory_mib = limits.memory_mib
        # One process has its limit in the kernel, which forgets what was made read-only after it was written.
        self._family = limits.processes != 1
        self.fault: Fault | None = None
        if self._folder or self._memory_mib is not None:
            child.watchers.add(self.look)

    def look(self) -> None:
        """Look now; whoever has too much is killed."""
        if self.fault is None:
            self.fault = self._of_disk() or self._of_memory()
            if self.fault is not None:
                self._child.kill()

    def _of_disk(self) -> Fault | None:
        if not self._folder:
            return None
        most_files = max(_LEAST_FILES, _FILES_A_MIB * self._tmp_mib)
        files = used = 0
        for place, _, names in os.walk(self._folder):
            files += len(names) + 1
            if files > most_files:
                return Fault(FaultKind.DISK.value, f"more than {most_files} files in its folder")
            for name in names:
                try:
                    used += os.lstat(os.path.join(place, name)).st_blocks * _BLOCK  # noqa: PTH118 - often
                except OSError:  # removed meanwhile
                    continue
        if used <= self._tmp_mib << 20:
            return None
        return Fault(FaultKind.DISK.value, f"{used >> 20} MiB in its folder; the limit is {self._tmp_mib} MiB")

    def _of_memory(self) -> Fault | None:
        if self._memory_mib is None:
            return None
        family = tasks.family(self._child.pid) if self._family else [self._child.pid]
        used = sum(_private(pid, exact=self._family) for pid in family)
        if used <= self._memory_mib + _SLACK_MIB << 20:
            return None
        told = f"{used >> 20} MiB in all its processes; the limit is {self._memory_mib} MiB"
        return Fault(FaultKind.MEMORY.value, told)

    def end(self) -> None:
        """Look no more."""
        self._child.watchers.discard(self.look)


def _private(pid: int, *, exact: bool) -> int:
    """Return the bytes of a process's own memory; `exact`: a page that several share in parts, where that is told."""
    for name, field in (_SHARED_IN_PARTS, _RESIDENT) if exact else (_RESIDENT,):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:  # noqa: PTH123 - often
                found = [line for line in file if line.startswith(field)]
        except OSError:  # it ended, or is not ours to look into
            continue
        if found:
            return int(found[0].split()[1]) * _KIB
    return 0
