"""What the kernel counts for a process, and the privileges that it gives up; all before a byte of an agent is read."""

from __future__ import annotations

import contextlib
import os
import resource
import struct

from evalengine_host import syscalls

_PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_SECUREBITS, _PR_CAP_AMBIENT = 4, 24, 28, 47
_CLEAR_ALL = 4
# Root gets no capabilities, none is kept over setuid, none is raised; each locked. SECBIT_* of linux/securebits.h.
_SECUREBITS = 0x01 | 0x02 | 0x08 | 0x20 | 0x40 | 0x80
_CAPABILITIES = 64  # more than there are: the kernel says where they end
_VERSION_3 = 0x20080522


def restrict(
    *,
    data_mib: int,
    address_space_mib: int,
    file_mib: int,
    stack_mib: int,
    open_files: int,
    tasks: int,
    cpu_s: int,
) -> None:
    """Set the limits of this process and of all that it starts; they cannot be raised again without privileges.

    Args:
        data_mib: private writable memory of a process (RLIMIT_DATA); 0: no limit. What is made read-only after it was
            written is not counted any more: against agents that know this, only `address_space_mib` is hard.
        address_space_mib: all that a process maps, libraries and reservations too; 0: no limit. Programs with a virtual
            machine (java, node) reserve far more than they use and do not start under one.
        file_mib: the largest file that can be written.
        stack_mib: of the first thread; of a program also what each other thread gets that asks for nothing else.
        open_files: descriptors of a process, those that it has included.
        tasks: processes and threads of the user in his user namespace, not of this process alone: where that is
            the machine's own, whoever calls adds what runs already. 0: no limit.
        cpu_s: processor time, after which the process gets SIGXCPU, and SIGKILL a second later; 0: no limit.

    A lower hard limit that this process has already stays.
    """
    for which, most in {
        resource.RLIMIT_FSIZE: file_mib << 20,
        resource.RLIMIT_STACK: stack_mib << 20,
        resource.RLIMIT_NOFILE: open_files,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_NICE: 0,
        resource.RLIMIT_RTPRIO: 0,
        resource.RLIMIT_SIGPENDING: 128,  # each timer takes one too
    }.items():
        _limit(which, most, most)
    if data_mib:
        _limit(resource.RLIMIT_DATA, data_mib << 20, data_mib << 20)
    if address_space_mib:
        _limit(resource.RLIMIT_AS, address_space_mib << 20, address_space_mib << 20)
    if tasks:
        _limit(resource.RLIMIT_NPROC, tasks, tasks)
    if cpu_s:
        _limit(resource.RLIMIT_CPU, cpu_s, cpu_s + 1)


def _limit(which: int, soft: int, hard: int) -> None:
    _, present = resource.getrlimit(which)
    if present != resource.RLIM_INFINITY:
        soft, hard = min(soft, present), min(hard, present)
    resource.setrlimit(which, (soft, hard))


def drop_privileges(uid: int, gid: int) -> None:
    """Become this user and group for good, with no other group, no capability, and out of debuggers' reach.

    An ordinary user stays who he is: `uid` and `gid` are his own, and his other groups remain. The kernel forgets the
    parent-death signal when the user changes: ask for it again afterwards.

    Raises:
        OSError: the user cannot be changed to that one.
    """
    with contextlib.suppress(PermissionError):  # without CAP_SETPCAP there is nothing that could be gained again
        _drop_bounds()
    _change_user(uid, gid)
    syscalls.prctl(_PR_CAP_AMBIENT, _CLEAR_ALL)
    syscalls.call("capset", struct.pack("Ii", _VERSION_3, 0), bytes(24))
    syscalls.prctl(_PR_SET_DUMPABLE, 0)


def _drop_bounds() -> None:
    """Make it impossible to gain capabilities again; needs CAP_SETPCAP, so it comes first."""
    syscalls.prctl(_PR_SET_SECUREBITS, _SECUREBITS)
    for capability in range(_CAPABILITIES):
        try:
            syscalls.prctl(_PR_CAPBSET_DROP, capability)
        except OSError:  # EINVAL: there are no more
            return


def _change_user(uid: int, gid: int) -> None:
    try:
        os.setgroups([])
    except PermissionError:
        if (uid, gid) != (os.getuid(), os.getgid()):
            raise
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
