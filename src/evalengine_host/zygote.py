"""The process that agents are forked from: clean, one thread, never running a byte of theirs.

A worker starts it as `python -s -P -c ... FD` with a scrubbed environment and talks to it over a SEQPACKET socket:
b"S" + msgpack job, with the child's descriptors from 0 on, is answered by its pid; b"K" + pid kills the child with
its process group and is answered by its wait status. b"W" + msgpack [module, plan, whose], with a socket, starts a
warden (warden.py) that contains agents and is asked over that socket; it is answered by its pid.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import socket
import sys
import traceback

from evalengine_host import child, forking, landlocked, namespaces, protocol, warden  # noqa: F401 - so that wardens have them

_REHEARSALS = 2


def main(fd: int) -> None:
    """Serve spawn and kill requests until the worker is gone."""
    _be_usual()
    forking.die_with_parent()
    forking.adopt_orphans()
    # The heap must look the same at every fork: sets of plain objects follow addresses.
    gc.disable()
    _rehearse()
    control = socket.socket(fileno=fd)
    agents = 0  # alive
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the worker died before it was answered
        while (change := _serve(control, agents)) is not None:
            agents += change


def _serve(control: socket.socket, agents: int) -> int | None:
    """Serve one request while `agents` live; return how many more there are then, None: the worker is gone."""
    request, descriptors = forking.receive(control)
    if not request:
        return None
    if request[:1] == b"W":
        control.send(b"%d" % _start_warden(request[1:], descriptors, control))
        return 0
    if request[:1] == b"K":
        status = forking.kill(int(request[1:]))
        if agents == 1:
            _end_orphans()
        control.send(status)
        return -1
    pid = os.fork()
    if pid == 0:
        _become(request[1:], descriptors, control)
    for descriptor in descriptors:
        os.close(descriptor)
    control.send(b"%d" % pid)
    return 1


def _rehearse() -> None:
    """Serve as for a match, with children that end at once, so that what is made at a first use is made."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        for _ in range(_REHEARSALS):
            pids = []
            for agents in range(2):
                socket.send_fds(ours, [b"S" + protocol.pack(None)], [0, 0, 0, 0])
                _serve(theirs, agents)
                pids.append(ours.recv(64))
            for agents in (2, 1):
                ours.send(b"K" + pids[agents - 1])
                _serve(theirs, agents)
                ours.recv(64)


def _be_usual() -> None:
    """Be scheduled as programs are: the worker, which waits its turn, hands that on to what it starts."""
    if sys.platform == "linux" and os.sched_getscheduler(0) == os.SCHED_BATCH:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _start_warden(told: bytes, descriptors: list[int], control: socket.socket) -> int:
    with contextlib.suppress(ChildProcessError):  # agents that are contained are the wardens' children, not ours
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    pid = os.fork()
    if pid == 0:  # which unpacks what it is told: here that would leave its traces for the wardens after it
        _become_warden(told, descriptors, control)
    for descriptor in descriptors:
        os.close(descriptor)
    return pid


def _become_warden(told: bytes, descriptors: list[int], control: socket.socket) -> None:
    """Turn the forked child into a warden; never returns."""
    try:
        module, plan, whose = protocol.unpack(told)
        os.setsid()
        control.close()
        warden.main(socket.socket(fileno=descriptors[0]), importlib.import_module(module).Enclosure, plan, whose)
    except BaseException:  # noqa: BLE001 - the last border of this process
        traceback.print_exc()
    finally:
        os._exit(0)


def _end_orphans() -> None:
    """Kill what agents started in process groups of their own, now that none of them lives."""
    with contextlib.suppress(ChildProcessError):  # no child is left: as good as always at once
        while True:
            if os.waitpid(-1, os.WNOHANG)[0] != 0:
                continue  # one that had ended
            orphans = _children()
            if not orphans:
                return  # they cannot be found
            for pid in orphans:
                os.kill(pid, signal.SIGKILL)
            os.waitpid(-1, 0)


def _children() -> list[int]:
    """Return this process's children; each is ours to wait for, so no number can have passed to another process."""
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
            if int(file.read().rpartition(b")")[2].split()[1]) == os.getpid():
                found.append(int(name))
    return found


def _become(job: bytes, descriptors: list[int], control: socket.socket) -> None:
    """Turn the forked child into the agent's process; never returns."""
    status = 1
    try:
        os.setsid()
        forking.die_with_parent()
        control.close()
        forking.arrange(descriptors)
        told = protocol.unpack(job)
        # Collections come at the same moments in every child: the counters begin at zero.
        gc.freeze()
        gc.enable()
        if told is not None:
            child.run(told)
        status = 0
    except BaseException:  # noqa: BLE001 - the last border of this process; its log is the only way out
        traceback.print_exc()
    finally:
        os._exit(status)
