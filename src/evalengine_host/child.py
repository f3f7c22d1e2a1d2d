"""One agent, one match, one process: made ready, loaded, asked until the match ends."""

from __future__ import annotations

import mmap
import os
import random
import resource
import signal
import socket
from typing import TYPE_CHECKING, Any

from evalengine_host import agent, hosted, protocol, seccomp, warm
from evalengine_host.restraint import TMP

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SOCKET = 3
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
_TO_TELL = 8 << 20  # bytes of memory over the limit, for telling that it was reached


def run(job: Mapping[str, Any], key: bytes | None = None) -> None:
    """Play the match of `job`; descriptors 0 to 2 are in place. Returns when the match is over.

    Args:
        key: what a contained program is executed with; a contained process has its limits already.
    """
    if key is None:
        _bound(job)
    else:
        _confine(job)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL if job["kind"] == "program" else signal.SIG_IGN)
    if job["kind"] == "program":
        _execute(job, key)
    connection = socket.socket(fileno=_SOCKET)
    if job["warm"]:
        warm.serve(connection, job)
        return
    try:
        ask, end, note = _load(job, connection)
    except BaseException as error:  # noqa: BLE001 - the agent border: whatever it raises is data
        hosted.send(connection, 0, [protocol.FAILED, *hosted.failure(error, job)])
        return
    hosted.send(connection, 0, [protocol.READY, note, end is not None])
    _serve(connection, job, ask, end)


def _execute(job: Mapping[str, Any], key: bytes | None) -> None:
    """Become the program."""
    os.chdir(job["folder"])
    try:
        if key is not None:
            seccomp.execute(key, job["argv"][0], job["argv"], os.environ)
        os.execv(job["argv"][0], job["argv"])  # noqa: S606 - the program is what the person named
    except OSError as error:  # its author reads the log
        name = job["argv"][0].rpartition("/")[2]
        os.write(2, f"{name} cannot be executed: {error.strerror}\n".encode())
        os._exit(127)


def _bound(job: Mapping[str, Any]) -> None:
    """Set the limits of the kernel that hold for Python agents and programs alike."""
    memory = job["memory_mib"]
    if memory:
        limit = memory << 20
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit + _TO_TELL if job["kind"] == "python" else limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ["TMPDIR"] = os.environ["HOME"] = job["tmp"]


def fix_environment() -> None:
    """Leave nothing of the engine's in the environment; what this process forks has it too."""
    for name in list(os.environ):
        del os.environ[name]
    os.environ.update(_ENVIRONMENT, TMPDIR=TMP, HOME=TMP)


def _confine(job: Mapping[str, Any]) -> None:
    """Complete the environment of a contained agent, and keep memory back."""
    if job["tmp"] != TMP:
        os.environ["TMPDIR"] = os.environ["HOME"] = job["tmp"]
    if job.get("libraries"):
        os.environ["LD_LIBRARY_PATH"] = job["libraries"]
    if job["kind"] == "python" and job["memory_mib"]:
        # Counted at once, touched never.
        hosted.kept.append(mmap.mmap(-1, _TO_TELL, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))


def _load(
    job: Mapping[str, Any], connection: socket.socket
) -> tuple[Callable[[Any], Any], Callable[[Any], None] | None, str]:
    info = agent.Info(job["info"])
    if job["past"]:
        _, (_, pairs) = hosted.receive(connection)
        info.remember(pairs)
    random.seed(info["seed"])
    found, note = hosted.imported(job, lambda: info["seed"] & 0xFFFFFFFF)
    ask, end = agent.asker(found, info)
    return ask, end, note


def _serve(
    connection: socket.socket,
    job: Mapping[str, Any],
    ask: Callable[[Any], Any],
    end: Callable[[Any], None] | None,
) -> None:
    fixed = {key: job["info"][key] for key in ("game", "config", "seat")}
    while True:
        nonce, message = hosted.receive(connection)
        if message[0] == protocol.END:
            if end is not None:
                _end(end, agent.Record({"scores": message[1], "places": message[2]}), job)
            return
        _, turn, clock_s, view, legal = message
        observation = agent.Observation({"view": view, "legal": legal, "turn": turn, "clock_s": clock_s, **fixed})
        try:
            reply = hosted.answer(ask(observation))
        except BaseException as error:  # noqa: BLE001 - the agent border: whatever it raises is data
            reply = protocol.pack([protocol.FAILED, *hosted.failure(error, job)])
        hosted.flush()
        for packet in protocol.frame(nonce, reply):
            connection.send(packet)


def _end(end: Callable[[Any], None], result: agent.Record, job: Mapping[str, Any]) -> None:
    """Tell the agent of the result; what fails there is for its log only."""
    try:
        end(result)
    except BaseException as error:  # noqa: BLE001 - the agent border: the match is over
        os.write(2, hosted.failure(error, job)[2].encode())
    hosted.flush()
