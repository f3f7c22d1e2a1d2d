"""The level `landlock`: no namespaces are needed; files by Landlock, all else by the filter of system calls."""

from __future__ import annotations

import errno
import functools
import os
import stat
import struct
from typing import TYPE_CHECKING, Any

from evalengine_host import landlock, limits, restraint, syscalls

if TYPE_CHECKING:
    from collections.abc import Mapping

_PR_SET_DUMPABLE, _PR_SET_KEEPCAPS, _PR_CAP_AMBIENT, _AMBIENT_RAISE = 4, 8, 47, 2
_CAP_DAC_READ_SEARCH = 2
_VERSION_3 = 0x20080522


class Enclosure:
    """One agent's rules, without what belongs to one match."""

    def __init__(self, plan: Mapping[str, Any], whose: Mapping[str, Any]) -> None:
        del plan
        self._folder: str = whose["folder"]
        self._files = [*whose["files"], self._folder]
        self._executable: list[str] = whose["executable"]
        self._root = os.geteuid() == 0
        self._user = (whose["uid"], whose["uid"]) if self._root else (os.geteuid(), os.getegid())
        if not landlock.abi():
            raise OSError(errno.ENOSYS, "Landlock is missing")
        self._program = restraint.filter_of("landlock", whose)
        self._passes = self._root and not all(map(_is_open, self._files))
        self.found = {"landlock": landlock.abi(), "passes": self._passes}

    def fork(self) -> int:
        """Fork the agent's process."""
        return os.fork()

    def contain(self, job: dict[str, Any]) -> bytes:
        """Contain this process; paths stay what they are outside."""
        running = 0
        if self._root:
            os.chown(job["tmp"], *self._user)
        else:
            running = restraint.running_tasks(self._user[0])
        executable = self._executable if job["kind"] == "program" else []
        writable = [job["tmp"], "/dev/null"]
        reach = restraint.Reach([*self._files, *restraint.DEVICES], writable, executable)
        become = functools.partial(_become_who_passes if self._passes else limits.drop_privileges, *self._user)
        return restraint.restrain(job, self._program, reach, become, running)


def _is_open(path: str) -> bool:
    """Say whether every user may enter the folders on the way to `path`."""
    while (path := os.path.dirname(path)) != "/":
        if not os.stat(path).st_mode & stat.S_IXOTH:
            return False
    return True


def _become_who_passes(uid: int, gid: int) -> None:
    """Become a user who keeps one right of root's: to enter and read whatever its files' modes say.

    For an interpreter or a database below /root. Landlock bounds what it reads all the same.
    """
    syscalls.prctl(_PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    kept = 1 << _CAP_DAC_READ_SEARCH
    syscalls.call("capset", struct.pack("Ii", _VERSION_3, 0), struct.pack("6I", kept, kept, kept, 0, 0, 0))
    syscalls.prctl(_PR_CAP_AMBIENT, _AMBIENT_RAISE, _CAP_DAC_READ_SEARCH)  # for the one exec of a program
    syscalls.prctl(_PR_SET_DUMPABLE, 0)
