"""What the processes that agents are forked from have in common: the zygote and the wardens."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import struct
import sys

_REQUEST = 1 << 20
_MOST_DESCRIPTORS = struct.Struct("4i")
_HIGHEST = 1 << 16
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None)


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
