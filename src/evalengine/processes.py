"""Agents' processes as a worker sees them: spawned by its zygote, listened to, killed."""

from __future__ import annotations

import functools
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import evalengine_host
from evalengine import tasks, visible
from evalengine.errors import EvalengineError
from evalengine.wardens import Wardens
from evalengine_host import protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalengine.model import Containment

_CHUNK = 64 << 10
_LAST_WORDS_S = 0.5  # from the end of its connection to its own end; more than microseconds only on a busy machine
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT")
_FIXED = {
    "PYTHONHASHSEED": "0",  # sets of strings iterate alike in every process
    "PYTHONUTF8": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


class Zygote:
    """The clean process that this worker's agents are forked from; started at its first use.

    Attributes:
        awaited: children that were asked and not yet heard of; private_tmp: whether agents have a /tmp of their own;
        watchers: what to call now and then while an agent is waited for.
    """

    def __init__(self, containment: Containment | None = None, *, own_session: bool = False) -> None:
        """Start nothing yet; with a `containment` agents are forked from wardens of it, else from the zygote itself.

        Args:
            own_session: a terminal's Ctrl-C does not reach it; workers ignore that anyway, and it with them.
        """
        self._own_session = own_session
        self.awaited: set[Child] = set()
        self.private_tmp = containment is not None and containment.private_tmp
        self._wardens = None if containment is None else Wardens(containment, self._start_warden)
        self.watchers: set[Callable[[], None]] = set()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self.generation = 0  # how many zygotes were before this one
        self._devnull = os.open(os.devnull, os.O_RDONLY)

    def spawn_python(self, job: Mapping[str, Any]) -> tuple[Child, socket.socket]:
        """Start a Python agent; return its process and the socket that it speaks our protocol on."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            return self._spawn(job, self._devnull, theirs.fileno(), ours.fileno()), ours

    def spawn_program(self, job: Mapping[str, Any]) -> tuple[Child, int, int]:
        """Start a program; return its process, and the descriptors to write to it and to read from it."""
        their_in, our_out = os.pipe()
        our_in, their_out = os.pipe()
        errors, their_errors = os.pipe()
        try:
            pid, end = self._request(job, [their_in, their_out, their_errors])
        finally:
            for descriptor in (their_in, their_out, their_errors):
                os.close(descriptor)
        os.set_blocking(our_out, False)
        return self._child(pid, end, our_in, {"stderr": errors}, job), our_out, our_in

    def _spawn(self, job: Mapping[str, Any], stdin: int, speaks: int, listens: int) -> Child:
        out, their_out = os.pipe()
        errors, their_errors = os.pipe()
        try:
            pid, end = self._request(job, [stdin, their_out, their_errors, speaks])
        finally:
            os.close(their_out)
            os.close(their_errors)
        return self._child(pid, end, listens, {"stdout": out, "stderr": errors}, job)

    def _child(
        self, pid: int, end: Callable[[], int], listens: int, logs: Mapping[str, int], job: Mapping[str, Any]
    ) -> Child:
        alone = self._wardens is not None and job["processes"] == 1
        return Child(pid, end, self, listens, logs, log_bytes=job["log_kib"] << 10, alone=alone)

    def _request(self, job: Mapping[str, Any], descriptors: Sequence[int]) -> tuple[int, Callable[[], int]]:
        """Return the new process's number, and what kills it and returns its wait status."""
        # Twice: an agent of an earlier match, or of this one's other seat, may have killed what it was forked from.
        started = self._fork(job, descriptors) or self._fork(job, descriptors)
        if started is None:
            msg = "the process that agents are forked from died twice in a row"
            raise EvalengineError(msg)
        return started

    def _fork(self, job: Mapping[str, Any], descriptors: Sequence[int]) -> tuple[int, Callable[[], int]] | None:
        if self._wardens is None:
            answer = self._ask(b"S" + protocol.pack(job), descriptors)
            return None if answer is None else (answer, functools.partial(self.kill, answer, self.generation))
        if job["kind"] == "program":
            argv = visible.resolved(job["argv"])
            job = {**job, "argv": argv, "libraries": visible.search_path_of(argv[0])}
        warden = self._wardens.of(job)
        pid = warden.spawn(b"S" + protocol.pack(job), descriptors)
        return None if pid is None else (pid, functools.partial(warden.kill, pid))

    def rehearse(self, folder: str) -> Mapping[str, Any]:
        """Contain a process and end it; return what its sandbox found.

        Raises:
            SandboxError: it cannot be contained.
        """
        assert self._wardens is not None
        job = {
            "kind": "python", "folder": folder, "entry": "", "argv": [], "tmp": folder, "memory_mib": 512,
            "processes": 1, "tmp_mib": 32, "log_kib": 64, "warm": False, "info": {"seat": 0},
        }  # fmt: skip
        Path(folder).chmod(0o755)  # as agents' folders are
        warden = self._wardens.of(job)
        nothing = os.open(os.devnull, os.O_RDWR)
        try:
            pid = warden.spawn(b"S" + protocol.pack(job), [nothing] * 4)
        finally:
            os.close(nothing)
        if pid is not None:
            warden.kill(pid)
        return warden.found

    def _start_warden(self, request: bytes, descriptor: int) -> None:
        # Twice, as above; that it did not start at all is seen on its own connection.
        if self._ask(request, [descriptor]) is None:
            self._ask(request, [descriptor])

    def kill(self, pid: int, generation: int) -> int:
        """Kill a child with its process group; return its wait status, of an earlier end where it had one.

        Args:
            generation: the zygote's when the child was spawned; the children of one that died, died with it.
        """
        status = self._ask(b"K%d" % pid, ()) if generation == self.generation else None
        return signal.SIGKILL if status is None else status

    def _ask(self, request: bytes, descriptors: Sequence[int]) -> int | None:
        """Return the zygote's answer; None when it is dead, and a new one will be started."""
        control = self._connect()
        try:
            socket.send_fds(control, [request], descriptors)
            reply = control.recv(64)
        except (BrokenPipeError, ConnectionResetError):
            reply = b""
        if not reply:
            self._forget()
            return None
        return int(reply)

    def _forget(self) -> None:
        assert self._control is not None
        assert self._process is not None
        self._control.close()
        self._process.kill()
        self._process.wait()
        self._control = self._process = None
        self.generation += 1

    def _connect(self) -> socket.socket:
        if self._control is None:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | _FIXED
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - ourselves
                    [*_fixing_addresses(), sys.executable, "-s", "-P", "-c", _zygote_code(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    env=environment,
                    pass_fds=[theirs.fileno()],
                    start_new_session=self._own_session,
                )
            self._control = ours
        return self._control

    def close(self) -> None:
        """End the zygote, and with it all its children."""
        if self._wardens is not None:
            self._wardens.clear()
        if self._control is not None and self._process is not None:
            self._control.close()
            self._process.wait()
        os.close(self._devnull)


class Child:
    """One agent's process.

    Attributes:
        listens: the descriptor on which it is heard; logs: what it wrote, by stream, up to a cap;
        heard_ns: when it last said something, None: not since `expect`; noted: that was while another was waited for;
        watchers: what to call now and then while an agent is waited for.

    Args:
        alone: whether the kernel lets it start no other process.
    """

    def __init__(
        self,
        pid: int,
        end: Callable[[], int],
        zygote: Zygote,
        listens: int,
        logs: Mapping[str, int],
        *,
        log_bytes: int,
        alone: bool,
    ) -> None:
        self.pid = pid
        self._alone = alone
        self._end = end
        self._zygote = zygote
        self.listens = listens
        self._streams = {descriptor: name for name, descriptor in logs.items()}
        self.logs = {name: bytearray() for name in logs}
        self._log_bytes = self._log_room = log_bytes
        self._poll = select.poll()
        self._poll.register(listens, select.POLLIN)
        for descriptor in self._streams:
            os.set_blocking(descriptor, False)
            self._poll.register(descriptor, select.POLLIN)
        self._status: int | None = None
        self.heard_ns: int | None = None
        self.noted = False
        self.watchers = zygote.watchers

    def cpu_ns(self) -> int:
        """Return the CPU time that it has used so far, with all that it started."""
        return tasks.own_cpu_ns(self.pid) if self._alone else tasks.cpu_ns(self.pid)

    def expect(self) -> None:
        """Await an answer from now on; whichever child is waited for, `heard_ns` tells when this one spoke."""
        self.heard_ns, self.noted = None, False
        self._zygote.awaited.add(self)

    def receive(self, connection: socket.socket, size: int) -> bytes | None:
        """Return what the agent says within the timeout of its connection, b"" when it hung up.

        None when it says nothing, or when others were asked too: `wait` tells who spoke when, and drains logs.
        """
        awaited = self._zygote.awaited
        if self.noted or len(awaited) > 1:
            return None
        try:
            packet = connection.recv(size)
        except BlockingIOError:
            return None
        except ConnectionResetError:
            packet = b""
        self.heard_ns = time.perf_counter_ns()
        awaited.discard(self)
        return packet

    def wait(self, deadline_ns: int | None) -> bool:
        """Wait until the agent says something (or hangs up), draining its logs; False when the deadline passed."""
        if self.noted:
            assert self.heard_ns is not None
            self.noted = deadline_ns is not None and self.heard_ns > deadline_ns
            return not self.noted
        others = {child.listens: child for child in self._zygote.awaited if child is not self}
        for descriptor in others:
            self._poll.register(descriptor, select.POLLIN)
        try:
            heard = self._listen(deadline_ns, others)
        finally:
            for descriptor in others:
                self._poll.unregister(descriptor)
        self._zygote.awaited.discard(self)
        return heard

    def _listen(self, deadline_ns: int | None, others: dict[int, Child]) -> bool:
        while True:
            ready = self._poll.poll(_timeout_ms(deadline_ns))
            now = time.perf_counter_ns()
            for descriptor, _ in ready:
                if descriptor == self.listens:
                    self.heard_ns = now
                elif descriptor in others:
                    others.pop(descriptor).note(now)
                    self._poll.unregister(descriptor)
                else:
                    self._drain(descriptor)
            if self.heard_ns == now:
                return True
            if not ready or (deadline_ns is not None and now >= deadline_ns):
                return False  # a flood of output does not stretch the deadline

    def note(self, now: int) -> None:
        """Take note that it spoke while another was waited for."""
        self.heard_ns, self.noted = now, True
        self._zygote.awaited.discard(self)

    def writable(self, descriptor: int, deadline_ns: int | None) -> bool:
        """Wait until `descriptor`, the way to the agent, takes more, draining its logs; False: too late."""
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        for stream in self._streams:
            poll.register(stream, select.POLLIN)
        while ready := poll.poll(_timeout_ms(deadline_ns)):
            for found, _ in ready:
                if found == descriptor:
                    return True
                self._drain(found)
                if found not in self._streams:
                    poll.unregister(found)
            if deadline_ns is not None and time.perf_counter_ns() >= deadline_ns:
                break
        return False

    def _drain(self, descriptor: int) -> None:
        """Read once what a log pipe holds; keep it up to the cap."""
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return
        if not data:
            self._poll.unregister(descriptor)
            del self._streams[descriptor]
            os.close(descriptor)
            return
        log = self.logs[self._streams[descriptor]]
        log += data[: self._log_room]
        self._log_room -= min(len(data), self._log_room)

    def kill(self) -> str:
        """Kill it, if it still lives, and return how it ended; its logs are whole then."""
        self._zygote.awaited.discard(self)
        if self._status is None:
            self._status = self._end()
            for descriptor in list(self._streams):
                self._drain_all(descriptor)
        return _ending(self._status)

    def take_logs(self) -> dict[str, bytes]:
        """Return what it wrote since the last time, by stream; it lives on."""
        taken = {name: bytes(log) for name, log in self.logs.items()}
        for log in self.logs.values():
            log.clear()
        self._log_room = self._log_bytes
        return taken

    def _drain_all(self, descriptor: int) -> None:
        # A pipe holds 64 KiB: two reads see all that was written before the end. A grandchild may keep it open.
        for _ in range(2):
            if descriptor in self._streams:
                self._drain(descriptor)
        if descriptor in self._streams:
            del self._streams[descriptor]
            os.close(descriptor)

    def linger(self) -> bool:
        """Give a process whose connection closed a moment to end by itself, with a status of its own; say if it did."""
        poll = select.poll()
        descriptor = os.pidfd_open(self.pid)
        try:
            poll.register(descriptor, select.POLLIN)
            return bool(poll.poll(_LAST_WORDS_S * 1000))
        finally:
            os.close(descriptor)


def _fixing_addresses() -> list[str]:
    """Return what a command is to be preceded by, so that it has the same addresses each time."""
    return [sys.executable, "-I", "-S", str(Path(evalengine_host.__file__).with_name("addresses.py"))]


def _zygote_code(descriptor: int) -> str:
    """Return what the zygote executes: this very evalengine_host, whichever else is installed."""
    root = str(Path(evalengine_host.__file__).parent.parent)
    return (
        # Appended, so that nothing beside our packages can shadow the standard library.
        f"import sys; from importlib import util; sys.path.append({root!r}); "
        f"spec = util.spec_from_file_location('evalengine_host', {evalengine_host.__file__!r}); "
        "sys.modules[spec.name] = util.module_from_spec(spec); "
        # Of one width: the heap, and with it the order of sets of plain objects, follows the lengths of texts.
        f"from evalengine_host.zygote import main; main(int('{descriptor:06d}'))"
    )


def _timeout_ms(deadline_ns: int | None) -> int | None:
    """Return whole milliseconds until the deadline, rounded up."""
    return None if deadline_ns is None else max(0, -((time.perf_counter_ns() - deadline_ns) // 1_000_000))


def _ending(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            return f"killed by {signal.Signals(number).name}"
        except ValueError:  # the real-time signals between the first and the last have no names
            return f"killed by signal {number}"
    return f"exited with status {os.waitstatus_to_exitcode(status)}"
