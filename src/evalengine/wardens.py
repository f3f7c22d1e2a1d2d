"""The wardens of a worker: processes that contain one agent in one seat each, kept over its matches."""

from __future__ import annotations

import os
import signal
import socket
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from evalengine import visible
from evalengine.errors import SandboxError
from evalengine_host import protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalengine.model import Containment

_MOST = 32  # idle ones that a worker keeps: each has a few megabytes and namespaces of its own
_ANSWER = 4096
# Users that nobody else has: above what systemd and the container managers hand out.
_FIRST_USER, _SEATS = 0x70000000, 32


class Warden:
    """One warden as its worker sees it.

    Attributes:
        found: what its sandbox's module found of the kernel; agents: how many of its live; dead: whether it ended.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self.agents = 0
        self.dead = False
        answer = self._answer()
        if not answer.startswith(b"="):
            self.close()
            raise SandboxError(_why(answer))
        self.found: Mapping[str, Any] = protocol.unpack(answer[1:])

    def spawn(self, request: bytes, descriptors: Sequence[int]) -> int | None:
        """Start the agent's process, contained; return its number, None when the warden is dead.

        Raises:
            SandboxError: it could not be contained.
        """
        answer = self._ask(request, descriptors)
        if answer.startswith(b"!"):
            raise SandboxError(_why(answer))
        if not answer:
            return None
        self.agents += 1
        return int(answer)

    def kill(self, pid: int) -> int:
        """Kill an agent with all that it started; return its wait status, of an earlier end where it had one."""
        answer = self._ask(b"K%d" % pid, ())
        self.agents -= 1
        return int(answer) if answer else signal.SIGKILL

    def _ask(self, request: bytes, descriptors: Sequence[int]) -> bytes:
        if self.dead:
            return b""
        try:
            socket.send_fds(self._control, [request], descriptors)
        except (BrokenPipeError, ConnectionResetError):
            self.close()
            return b""
        return self._answer()

    def _answer(self) -> bytes:
        try:
            answer = self._control.recv(_ANSWER)
        except ConnectionResetError:
            answer = b""
        if not answer:
            self.close()
        return answer

    def close(self) -> None:
        """Let it end, and with it its agents."""
        self.dead = True
        self._control.close()


def _why(answer: bytes) -> str:
    return answer[1:].decode(errors="replace") or "the process that contains agents died"


class Wardens:
    """The wardens of one zygote, by agent and seat; of the idle ones the least recently used end first."""

    def __init__(self, containment: Containment, start: Callable[[bytes, int], object]) -> None:
        """Keep none yet; `start` sends a request with a socket to the zygote."""
        self._containment = containment
        self._start = start
        self._kept: OrderedDict[Any, Warden] = OrderedDict()

    def of(self, job: Mapping[str, Any]) -> Warden:
        """Return the warden of the job's agent and seat, a new one when there is none.

        Raises:
            SandboxError: it cannot be made.
        """
        seat = job["info"]["seat"]
        key = job["folder"], job["kind"], tuple(job["argv"]), seat
        found = self._kept.get(key)
        if found is None or found.dead:
            found = self._kept[key] = self._new(job, seat)
            self._forget_old()
        self._kept.move_to_end(key)
        return found

    def _new(self, job: Mapping[str, Any], seat: int) -> Warden:
        _, module, plan, folders, _ = self._containment
        view = visible.of_program(job["argv"]) if job["kind"] == "program" else visible.of_python()
        whose = {
            "folder": os.path.realpath(job["folder"]),
            "uid": user_of(seat),
            "kind": job["kind"],
            "processes": job["processes"],
            **visible.listed(view, folders, job["argv"] if job["kind"] == "program" else ()),
        }
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._start(b"W" + protocol.pack([module, dict(plan), whose]), theirs.fileno())
        return Warden(ours)

    def _forget_old(self) -> None:
        idle = [key for key, warden in self._kept.items() if not warden.agents]
        for key in idle[: max(0, len(self._kept) - _MOST)]:
            self._kept.pop(key).close()

    def clear(self) -> None:
        """Let all of them end."""
        for warden in self._kept.values():
            warden.close()
        self._kept.clear()


def user_of(seat: int) -> int:
    """Return a uid for a seat of this worker: no two agents that play at one time are one user."""
    low = _FIRST_USER + os.getpid() * _SEATS + seat % _SEATS
    if _maps(low):
        return low
    return 20_000 + (os.getpid() * _SEATS + seat % _SEATS) % 40_000  # a container with 16 bits of users


def _maps(uid: int) -> bool:
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:  # noqa: PTH123 - once a warden
            ranges = [tuple(map(int, line.split())) for line in file]
    except OSError:
        return False
    return any(first <= uid < first + count for first, _, count in ranges)
