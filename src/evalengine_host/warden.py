"""The process that contains one agent in one seat for many matches; it never runs a byte of the agent.

The zygote forks it with a socket of its own. It prepares what lasts (namespaces, mounts) once and says b"=" + msgpack
of what it found, or b"!" and why it cannot. Then b"S" + msgpack job, with the agent's descriptors, is answered by the
process's number once the agent is contained and before a byte of it is read, or by b"!" and why; b"K" + number kills
it and is answered by its wait status, or by SIGKILL's at once if it lived: its namespaces take a while to end.

How an agent is contained is an `Enclosure`: the class of that name in the module that the sandbox names.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import socket
import traceback
from array import array
from typing import TYPE_CHECKING, Any, Protocol

from evalengine_host import child, forking, heap, protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

_REHEARSALS = 2
_DYING = 16
_libc = ctypes.CDLL(None)


class Enclosure(Protocol):
    """What a sandbox's module offers: made once in the warden, with Enclosure(plan, whose)."""

    found: Mapping[str, Any]  # what the kernel gave, in msgpack's types

    def fork(self) -> int:
        """Fork the agent's process; return its number here, 0 there. It must be a child of this process."""

    def contain(self, job: dict[str, Any]) -> bytes | None:
        """Contain this process, for ever; put into `job` what the agent is to see. Returns the key for one exec."""


def main(control: socket.socket, made: type[Any], plan: Mapping[str, Any], whose: Mapping[str, Any]) -> None:
    """Prepare, then serve spawn and kill requests until the worker is gone."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the worker died before it was answered
        _main(control, made, plan, whose)


def _main(control: socket.socket, made: type[Any], plan: Mapping[str, Any], whose: Mapping[str, Any]) -> None:
    forking.die_with_parent()
    forking.adopt_orphans()
    try:
        enclosure: Enclosure = made(plan, whose)
    except BaseException as error:  # noqa: BLE001 - whatever the kernel refuses is told
        control.send(b"!" + _told(error))
        return
    child.fix_environment()
    forking.die_with_parent()  # a change of rights makes the kernel forget it
    # The heap must look the same at every fork: sets of plain objects follow addresses.
    gc.disable()
    keeper = _Keeper(enclosure)
    keeper.rehearse()
    heap.settle()
    keeper.rehearse()
    control.send(b"=" + protocol.pack(enclosure.found))
    while keeper.serve(control):
        pass


class _Keeper:
    def __init__(self, enclosure: Enclosure) -> None:
        self._enclosure = enclosure
        # Killed and not at their end yet; of one size, with plain numbers in it, for the heap's sake.
        self._dying = array("q", [0] * _DYING)

    def rehearse(self) -> None:
        """Serve as for a match, with children that end at once, so that what is made at a first use is made."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            for _ in range(_REHEARSALS):
                socket.send_fds(ours, [b"S" + protocol.pack(None)], [0, 0, 0, 0])
                self.serve(theirs)
                ours.send(b"K" + ours.recv(64))
                self.serve(theirs)
                ours.recv(64)

    def serve(self, control: socket.socket) -> bool:
        """Serve one request; False: the worker is gone."""
        request, descriptors = forking.receive(control)
        if not request:
            return False
        if request[:1] == b"K":
            control.send(b"%d" % self._kill(int(request[1:])))
            return True
        self._reap(os.WNOHANG)
        control.send(self._spawn(request[1:], descriptors))
        return True

    def _spawn(self, job: bytes, descriptors: list[int]) -> bytes:
        leash, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            pid = self._enclosure.fork()
        except OSError as error:
            return b"!" + _told(error)
        if pid == 0:
            _become(self._enclosure, job, [*descriptors, theirs.detach()], leash.detach())
        theirs.close()
        for descriptor in descriptors:
            os.close(descriptor)
        failed = b""
        with leash, contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it ended: see below
            leash.send(b"go")
            failed = leash.recv(4096)
        if failed == b"=":
            return b"%d" % pid
        self._kill(pid)
        return failed or b"!its process ended before it was contained"

    def _kill(self, pid: int) -> int:
        """Kill a child with its process group; return its wait status, SIGKILL's if it is not at its end yet."""
        ended, status = os.waitpid(pid, os.WNOHANG)
        if not ended:
            os.kill(pid, signal.SIGKILL)  # not yet reaped, so the number is still the child's
            if 0 not in self._dying:
                self._reap(0)
            self._dying[self._dying.index(0)] = pid
        _libc.killpg(pid, signal.SIGKILL)  # os.killpg would raise where none is left, and so move the heap
        return status if ended else int(signal.SIGKILL)

    def _reap(self, how: int) -> None:
        for place in range(_DYING):
            if self._dying[place] and os.waitpid(self._dying[place], how)[0]:
                self._dying[place] = 0


def _become(enclosure: Enclosure, request: bytes, descriptors: list[int], other: int) -> None:
    """Turn the forked child into the agent's process; never returns."""
    status = 1
    try:
        os.setsid()
        os.close(other)
        last = len(descriptors) - 1
        forking.arrange(descriptors)
        if not os.read(last, 8):  # it is this process's parent only now: see Enclosure.fork
            os._exit(1)
        forking.die_with_parent()
        job = protocol.unpack(request)
        key = _contained(enclosure, job, last)
        if job is not None:
            # Collections come at the same moments in every child: the counters begin at zero.
            gc.freeze()
            heap.use_up()
            gc.enable()
            child.run(job, key)
        status = 0
    except BaseException:  # noqa: BLE001 - the last border of this process; its log is the only way out
        traceback.print_exc()
    finally:
        os._exit(status)


def _contained(enclosure: Enclosure, job: dict[str, Any] | None, leash: int) -> bytes | None:
    try:
        key = None if job is None else enclosure.contain(job)
    except BaseException as error:  # noqa: BLE001 - whatever the kernel refuses is told
        os.write(leash, b"!" + _told(error))
        os._exit(1)
    os.write(leash, b"=")
    os.close(leash)
    return key


def _told(error: BaseException) -> bytes:
    text = str(error)
    if isinstance(error, OSError) and error.strerror:  # without its number, which says nothing to people
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return (text or type(error).__name__).encode(errors="replace")[:1000]
