"""The level `landlock`: no namespaces are needed; files by Landlock, all else by the filter of system calls."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

from evalengine_host import landlock, restraint

if TYPE_CHECKING:
    from collections.abc import Mapping


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
        self.found = {"landlock": landlock.abi()}

    def fork(self) -> int:
        """Fork the agent's process."""
        return os.fork()

    def contain(self, job: dict[str, Any]) -> bytes:
        """Contain this process; paths stay what they are outside."""
        program = restraint.programs("landlock", job["kind"], job["processes"])
        running = 0
        if self._root:
            os.chown(job["tmp"], *self._user)
        else:
            running = restraint.running_tasks(self._user[0])
        executable = self._executable if job["kind"] == "program" else []
        writable = [job["tmp"], "/dev/null"]
        reach = restraint.Reach([*self._files, *restraint.DEVICES], writable, executable)
        key = restraint.restrain(job, program, reach, self._user, running)
        if not os.access(self._folder, os.R_OK | os.X_OK):
            msg = f"no other user can enter the folder {self._folder}"
            raise OSError(errno.EACCES, msg)
        return key
