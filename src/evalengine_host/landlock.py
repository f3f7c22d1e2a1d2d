"""Landlock: which files a process and all that it starts may still reach, for ever. No privilege is needed."""

from __future__ import annotations

import errno
import os
import stat
import struct
from typing import TYPE_CHECKING

from evalengine_host import syscalls

if TYPE_CHECKING:
    from collections.abc import Iterable

# LANDLOCK_ACCESS_FS_* of linux/landlock.h
_EXECUTE, _WRITE, _READ, _LIST = 1, 1 << 1, 1 << 2, 1 << 3
_REMOVE_FOLDER, _REMOVE_FILE, _MAKE_FOLDER, _MAKE_FILE = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER, _TRUNCATE, _DEVICE_IOCTL = 1 << 13, 1 << 14, 1 << 15
_FIRST_RIGHTS = (1 << 13) - 1
_OF_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _DEVICE_IOCTL

_RIGHTS_SINCE = {2: _REFER, 3: _TRUNCATE, 5: _DEVICE_IOCTL}
_BIND_AND_CONNECT_TCP, _NETWORK_SINCE = 3, 4
_ABSTRACT_SOCKETS_AND_SIGNALS, _SCOPES_SINCE = 3, 6
_NO_LOG, _NO_LOG_SINCE = 1, 7  # else each refusal is a line in the host's audit log

_GET_VERSION = 1
_PATH_BENEATH = 1


def abi() -> int:
    """Return the version of Landlock's interface that the running kernel has; 0: none, or it is switched off."""
    try:
        return syscalls.call("landlock_create_ruleset", None, 0, _GET_VERSION)
    except OSError:
        return 0


def restrict(*, readable: Iterable[str], writable: Iterable[str], executable: Iterable[str]) -> None:
    """Leave this process only these files and folders, with all below them; where the kernel can, also no TCP.

    Args:
        readable: to read and list.
        writable: to read and write; in a folder also to make, rename and remove files and folders.
        executable: to read, list and execute: programs, interpreters and the loader.

    Raises:
        OSError: Landlock is missing, or a path cannot be opened; the text says which.
    """
    version = abi()
    if not version:
        what = (
            "Landlock is missing: it needs Linux 5.13 or newer with landlock in its list of security modules (lsm=), "
            "and, in a container, a filter that lets landlock_create_ruleset through"
        )
        raise OSError(errno.ENOSYS, what)
    handled = handled_rights(version)
    ruleset = syscalls.call("landlock_create_ruleset", _attributes(version), len(_attributes(version)), 0)
    try:
        for paths, rights in ((readable, _READ | _LIST), (executable, _READ | _LIST | _EXECUTE), (writable, _WRITABLE)):
            for path in paths:
                _allow(ruleset, path, rights & handled)
        syscalls.prctl(38, 1)  # PR_SET_NO_NEW_PRIVS
        syscalls.call("landlock_restrict_self", ruleset, _NO_LOG if version >= _NO_LOG_SINCE else 0)
    finally:
        os.close(ruleset)


_WRITABLE = _READ | _LIST | _WRITE | _TRUNCATE | _REFER | _MAKE_FILE | _MAKE_FOLDER | _REMOVE_FILE | _REMOVE_FOLDER


def handled_rights(version: int) -> int:
    """Return every right over files that an ABI knows, as far as this module does."""
    return _FIRST_RIGHTS | sum(right for since, right in _RIGHTS_SINCE.items() if version >= since)


def _attributes(version: int) -> bytes:
    """Return struct landlock_ruleset_attr as long as the ABI knows it: older kernels refuse what they do not know."""
    fields = [handled_rights(version)]
    if version >= _NETWORK_SINCE:
        fields.append(_BIND_AND_CONNECT_TCP)
    if version >= _SCOPES_SINCE:
        fields.append(_ABSTRACT_SOCKETS_AND_SIGNALS)
    return struct.pack(f"{len(fields)}Q", *fields)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        raise OSError(error.errno, f"no Landlock rule for {path!r}: {error.strerror}") from None
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _OF_FILES
        rule = struct.pack("=Qi", rights, descriptor)
        syscalls.call("landlock_add_rule", ruleset, _PATH_BENEATH, rule, 0, what=f"no Landlock rule for {path!r}")
    finally:
        os.close(descriptor)
