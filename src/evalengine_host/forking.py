"""What the processes that agents are forked from have in common: the zygote and the wardens."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import struct
import sys

from evalengine_host import syscalls

_REQUEST = 1 << 20
_MOST_DESCRIPTORS = struct.Struct("4i")
_HIGHEST = 1 << 16
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_TID_ADDRESS = 40
_CHILD_CLEARTID, _CHILD_SETTID = 0x00200000, 0x01000000
_libc = ctypes.CDLL(None)
_holding_gil = ctypes.PyDLL(None, use_errno=True)
_holding_gil.syscall.restype = ctypes.c_long


def receive(control: socket.socket) -> tuple[bytes, list[int]]:
    """Return a request and the descriptors that came with it; no bytes: the other end is gone."""
    # Not socket.recv_fds: it leaves a block behind at each call.
    request, ancillary, _, _ = control.recvmsg(_REQUEST, socket.CMSG_SPACE(_MOST_DESCRIPTORS.size))
    return request, [number for _, _, passed in ancillary for (number,) in struct.iter_unpack("i", passed)]


def arrange(descriptors: list[int], standard: int = 3) -> None:
    """Put the descriptors at 0, 1, 2, ... and close all others; the first `standard` survive an exec."""
    high = [os.dup2(descriptor, 100 + place, inheritable=False) for place, descriptor in enumerate(descriptors)]
    for place, descriptor in enumerate(high):
        os.dup2(descriptor, place, inheritable=place < standard)
    os.closerange(len(high), _HIGHEST)


def clone(flags: int) -> int | None:
    """Fork as os.fork() does, with CLONE_* flags of namespaces; None: this kernel does not tell how to.

    One call makes what unshare() and a process between take several milliseconds for.

    Raises:
        OSError: the kernel refuses.
    """
    own = ctypes.c_uint64()
    # Where libc keeps the number of its thread: a child of fork() has the kernel write its own there.
    if _libc.prctl(_PR_GET_TID_ADDRESS, ctypes.byref(own), 0, 0, 0) < 0 or not own.value:
        return None
    whole = flags | _CHILD_CLEARTID | _CHILD_SETTID | signal.SIGCHLD
    numbers = [0, 0, 0, own.value] if os.uname().machine == "aarch64" else [0, 0, own.value, 0]
    arguments = [ctypes.c_long(number) for number in (syscalls.machine().numbers["clone"], whole, *numbers)]
    ctypes.pythonapi.PyOS_BeforeFork()
    pid = int(_holding_gil.syscall(*arguments))
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
        return 0
    ctypes.pythonapi.PyOS_AfterFork_Parent()
    return syscalls.checked(pid, "clone")


def kill(pid: int) -> bytes:
    """Kill a child with its process group, and return its wait status."""
    # Not yet reaped, so the number is still the child's; it may not lead its own group yet.
    os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter: nobody of it is ours to signal
        os.killpg(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    with contextlib.suppress(ChildProcessError):  # what it left behind became ours
        while True:
            os.waitpid(-pid, 0)
    return b"%d" % status


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends; asked again after each change of user."""
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of whatever agents leave behind, so that it can be found."""
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
