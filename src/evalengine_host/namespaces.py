"""The level `namespaces`: an agent sees no process, no network and no file but what is put there for it.

Needs root, or the right of ordinary users to make user namespaces; Linux 5.12 or newer.
"""

from __future__ import annotations

import functools
import os
import struct
from typing import TYPE_CHECKING, Any

from evalengine_host import forking, landlock, limits, restraint, syscalls
from evalengine_host.restraint import AGENT, TMP

if TYPE_CHECKING:
    from collections.abc import Mapping

# CLONE_NEW* of linux/sched.h
_MOUNTS, _CGROUP, _NAMES, _IPC, _USER, _PIDS, _NETWORK = (
    0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
_LASTING = _MOUNTS | _CGROUP | _NAMES | _IPC | _NETWORK
# MS_* of linux/mount.h, and MOUNT_ATTR_* of mount_setattr
_NO_SETUID, _NO_DEVICES, _NO_EXECUTE, _BIND, _RECURSIVE, _PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_READ_ONLY = 1
_DETACH = 2
_HERE, _ALL_BELOW = -100, 0x8000
_ROOT_SIZE = "size=1m,nr_inodes=8192,mode=755"
_PLACES = ("/tmp", "/var/tmp", "/mnt", "/usr")  # noqa: S108 - where only this process sees the new root
_NOBODY = 65534
_WAITING = "/.waiting"
_SHARED = f"{TMP}/.shm"  # /dev/shm: what processes of one agent share
_COUNTS_BY_NAMESPACE = (5, 14)  # from there on a user namespace counts its tasks alone


class Enclosure:
    """One agent's namespaces and its root, without what belongs to one match."""

    def __init__(self, plan: Mapping[str, Any], whose: Mapping[str, Any]) -> None:
        del plan
        self._uid, self._mapped = _unshare(whose["uid"])
        self._running = restraint.running_tasks(os.stat("/proc/self").st_uid) if _counts_all(self._mapped) else 0
        _names_of_nobody()
        _make_root(whose)
        limits.drop_bounds()  # forty calls, and here they are made once
        self._program = restraint.filter_of("namespaces", whose)
        self._below = {path: None for path in whose["files"] if _is_below(path, TMP)}
        self._below |= {link: target for link, target in whose["links"].items() if _is_below(link, TMP)}
        self.found = {"landlock": landlock.abi(), "user_namespace": self._mapped}

    def fork(self) -> int:
        """Fork into a new pid namespace and a mount namespace of this match alone."""
        pid = forking.clone(_PIDS | _MOUNTS)
        return _fork_by_another() if pid is None else pid

    def contain(self, job: dict[str, Any]) -> bytes:
        """Contain this process; the agent finds its folder and its private one elsewhere than they are outside."""
        job["argv"] = [_moved(part, job["folder"]) for part in job["argv"]]
        job["folder"], job["tmp"] = AGENT, TMP
        size = f"size={job['tmp_mib']}m,nr_inodes={_inodes(job['tmp_mib'])}," if job["tmp_mib"] else ""
        _mount("none", TMP, "tmpfs", _NO_SETUID | _NO_DEVICES | _NO_EXECUTE, f"{size}mode=1777")
        for path, target in self._below.items():
            _show_below(path, target)
        os.umask(0)
        os.mkdir(_SHARED, 0o1777)
        os.umask(0o022)
        reach = restraint.Reach(["/"], [TMP, "/dev/null"], ["/"] if job["kind"] == "program" else [])
        become = functools.partial(limits.drop_privileges, self._uid, self._uid)
        return restraint.restrain(job, self._program, reach, become, self._running)


def _fork_by_another() -> int:
    """Fork by way of a process between, whose children have a new pid namespace: one process can make one only.

    The one between ends at once, and the agent's process becomes a child of this one.
    """
    reads, writes = os.pipe()
    between = os.fork()
    if between == 0:
        pid = _fork_inside(writes)
        if pid == 0:
            return 0
        os._exit(0)
    os.close(writes)
    told = os.read(reads, 1000)
    os.close(reads)
    os.waitpid(between, 0)
    if not told.isdigit():
        raise OSError(told.decode(errors="replace"))
    return int(told)


def _fork_inside(writes: int) -> int:
    try:
        syscalls.call("unshare", _PIDS | _MOUNTS)
        pid = os.fork()
    except OSError as error:
        os.write(writes, str(error).encode())
        os._exit(1)
    if pid:
        os.write(writes, b"%d" % pid)
    return pid


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _moved(path: str, folder: str) -> str:
    """Return where a path of the agent's folder lies inside."""
    return AGENT + path[len(folder) :] if _is_below(path, folder) else path


def _inodes(tmp_mib: int) -> int:
    return max(1024, min(256 * tmp_mib, 1 << 20))


def _unshare(uid: int) -> tuple[int, bool]:
    """Leave the machine's namespaces; return the agent's uid in them and whether the user's is a new one too."""
    own, group = os.geteuid(), os.getegid()
    if own == 0:
        try:
            syscalls.call("unshare", _LASTING)
        except PermissionError:  # root of a container that lacks the right, but may have user namespaces
            pass
        else:
            return uid, False
    syscalls.call("unshare", _LASTING | _USER, what="a user namespace")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{_NOBODY} {own} 1"), ("gid_map", f"{_NOBODY} {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)
    return _NOBODY, True


def _counts_all(mapped: bool) -> bool:  # noqa: FBT001 - what _unshare found
    version = tuple(int(part) for part in os.uname().release.split(".")[:2])
    return mapped and version < _COUNTS_BY_NAMESPACE


def _names_of_nobody() -> None:
    syscalls.call("sethostname", b"agent", 5)
    syscalls.call("setdomainname", b"", 0)


# --------------------------------------------------------------------------------------- mounts


def _make_root(whose: Mapping[str, Any]) -> None:
    """Make a root of what the agent may see, read-only, and enter it; the old one is gone afterwards."""
    _mount(None, "/", None, _RECURSIVE | _PRIVATE)
    places = [(path, _place(path)) for path in whose["files"]] + [(path, path) for path in restraint.DEVICES]
    # Held by descriptor: the new root hides what lies where it is mounted.
    held = [(os.open(source, os.O_PATH | os.O_CLOEXEC), place) for source, place in [*places, (whose["folder"], AGENT)]]
    root = next(path for path in _PLACES if os.path.isdir(path))
    _mount("none", root, "tmpfs", _NO_SETUID | _NO_DEVICES, _ROOT_SIZE)
    os.umask(0o022)
    for folder in (TMP, "/dev"):
        os.makedirs(root + folder, exist_ok=True)
    links = {link: target for link, target in whose["links"].items() if not _is_below(link, TMP)}
    for link, target in links.items():
        os.makedirs(os.path.dirname(root + link), exist_ok=True)
        os.symlink(target, root + link)
    os.symlink(_SHARED, f"{root}/dev/shm")  # noqa: S108 - one size for both, and the agent's own
    for descriptor, place in held:
        _bind(descriptor, root + place, device=place in restraint.DEVICES)
        os.close(descriptor)
    os.chdir(root)
    syscalls.call("pivot_root", b".", b".")
    syscalls.call("umount2", b".", _DETACH)
    os.chdir("/")
    _set_attributes("/", _READ_ONLY, 0)


def _place(path: str) -> str:
    """Return where a path is bound: what lies in /tmp, which is made anew for each match, waits elsewhere."""
    return _WAITING + path if _is_below(path, TMP) else path


def _show_below(path: str, target: str | None) -> None:
    """Put into the match's /tmp what an interpreter or its packages have there."""
    if target is not None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(target, path)
        return
    _make_place(_WAITING + path, path)
    _mount(_WAITING + path, path, None, _BIND | _RECURSIVE)  # as read-only as it is there


def _make_place(source: str, place: str) -> None:
    if os.path.isdir(source):
        os.makedirs(place, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o444))


def _bind(descriptor: int, place: str, *, device: bool) -> None:
    source = f"/proc/self/fd/{descriptor}"
    _make_place(source, place)
    _mount(source, place, None, _BIND | _RECURSIVE)
    kept = _NO_SETUID | _NO_EXECUTE if device else _READ_ONLY | _NO_SETUID | _NO_DEVICES
    _set_attributes(place, kept, _ALL_BELOW)


def _mount(source: str | None, place: str, kind: str | None, flags: int, options: str | None = None) -> None:
    given = [None if text is None else os.fsencode(text) for text in (source, place, kind)]
    data = None if options is None else options.encode()
    syscalls.call("mount", *given, flags, data, what=f"mount of {place}")


def _set_attributes(path: str, attributes: int, how: int) -> None:
    changed = struct.pack("4Q", attributes, 0, 0, 0)
    what = f"mount_setattr of {path} (Linux 5.12 or newer is needed)"
    syscalls.call("mount_setattr", _HERE, os.fsencode(path), how, changed, len(changed), what=what)
