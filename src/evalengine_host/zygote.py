"""The process that agents are forked from: clean, one thread, never running a byte of theirs.

A worker starts it as `python -s -P -c ... FD` with a scrubbed environment and talks to it over a SEQPACKET socket:
b"S" + msgpack job, with the child's descriptors from 0 on, is answered by its pid; b"K" + pid kills the child with its process group
and is answered by its wait status.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import sys
import traceback

from evalengine_host import child, protocol

_REQUEST = 1 << 20
_NO_RANDOMIZE = 0x0040000
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def main(fd: int) -> None:
    """Serve spawn and kill requests until the worker is gone."""
    _fix_addresses(fd)
    _die_with_parent()
    control = socket.socket(fileno=fd)
    # The heap must look the same at every fork: sets of plain objects follow addresses.
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, _REQUEST, 4)
        if not request:
            return
        if request[:1] == b"K":
            control.send(_kill(int(request[1:])))
            continue
        pid = os.fork()
        if pid == 0:
            _become(request[1:], descriptors, control)
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(b"%d" % pid)


def _fix_addresses(fd: int) -> None:
    """Execute this program again without address randomisation, where the kernel allows it."""
    if sys.platform != "linux":
        return
    current = _libc.personality(0xFFFFFFFF)
    if current & _NO_RANDOMIZE or _libc.personality(current | _NO_RANDOMIZE) < 0:
        return
    if _libc.personality(0xFFFFFFFF) & _NO_RANDOMIZE:
        os.set_inheritable(fd, True)
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - ourselves


def _die_with_parent() -> None:
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _kill(pid: int) -> bytes:
    # Not yet reaped, so the number is still the child's; it may not lead its own group yet.
    os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    return b"%d" % os.waitpid(pid, 0)[1]


def _become(job: bytes, descriptors: list[int], control: socket.socket) -> None:
    """Turn the forked child into the agent's process; never returns."""
    status = 1
    try:
        os.setsid()
        _die_with_parent()
        control.close()
        _arrange(descriptors)
        child.run(protocol.unpack(job))
        status = 0
    except BaseException:  # noqa: BLE001 - the last border of this process; its log is the only way out
        traceback.print_exc()
    finally:
        os._exit(status)


def _arrange(descriptors: list[int]) -> None:
    """Put the descriptors at 0, 1, 2, ... and close all others."""
    high = [os.dup2(descriptor, 100 + place, inheritable=False) for place, descriptor in enumerate(descriptors)]
    for place, descriptor in enumerate(high):
        os.dup2(descriptor, place, inheritable=place < 3)  # noqa: PLR2004 - standard descriptors survive an exec
    os.closerange(len(high), 256)
