"""One agent, one match, one process: made ready, loaded, asked until the match ends."""

from __future__ import annotations

import errno
import importlib.abc
import importlib.machinery
import os
import random
import resource
import signal
import socket
import sys
import traceback
from typing import TYPE_CHECKING, Any

from evalengine_host import agent, protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

_SOCKET = 3
_OF_ERRNO = {errno.EAGAIN: "processes", errno.ENOSPC: "disk", errno.EDQUOT: "disk", errno.EFBIG: "disk"}
_TO_TELL = 8 << 20  # bytes of memory over the limit, for telling that it was reached


def run(job: Mapping[str, Any]) -> None:
    """Play the match of `job`; descriptors 0 to 2 are in place. Returns when the match is over."""
    _bound(job)
    if job["kind"] == "program":
        _execute(job)
    connection = socket.socket(fileno=_SOCKET)
    try:
        ask, end, note = _load(job)
    except BaseException as error:  # noqa: BLE001 - the agent border: whatever it raises is data
        _send(connection, 0, [protocol.FAILED, *_failure(error, job)])
        return
    _send(connection, 0, [protocol.READY, note, end is not None])
    _serve(connection, job, ask, end)


def _execute(job: Mapping[str, Any]) -> None:
    """Become the program."""
    os.chdir(job["folder"])
    try:
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
    signal.signal(signal.SIGPIPE, signal.SIG_DFL if job["kind"] == "program" else signal.SIG_IGN)


def _load(job: Mapping[str, Any]) -> tuple[Callable[[Any], Any], Callable[[Any], None] | None, str]:
    sys.dont_write_bytecode = True
    sys.argv = [""]
    # By line, so that what an agent printed before it hung or died is not lost.
    sys.stdout = open(1, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115 - until the end
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115 - until the end
    info = agent.Info(job["info"])
    _seed(info["seed"])
    file, _, name = job["entry"].partition(":")
    path = os.path.join(job["folder"], file)
    os.chdir(os.path.dirname(path))
    found, note = agent.find(agent.load_module(path), name)
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
        nonce, message = _receive(connection)
        if message[0] == protocol.END:
            if end is not None:
                _end(end, agent.Record({"scores": message[1], "places": message[2]}), job)
            return
        _, turn, clock_s, view, legal = message
        observation = agent.Observation({"view": view, "legal": legal, "turn": turn, "clock_s": clock_s, **fixed})
        try:
            reply = _answer(ask(observation))
        except BaseException as error:  # noqa: BLE001 - the agent border: whatever it raises is data
            reply = protocol.pack([protocol.FAILED, *_failure(error, job)])
        _flush()
        for packet in protocol.frame(nonce, reply):
            connection.send(packet)


def _end(end: Callable[[Any], None], result: agent.Record, job: Mapping[str, Any]) -> None:
    """Tell the agent of the result; what fails there is for its log only."""
    try:
        end(result)
    except BaseException as error:  # noqa: BLE001 - the agent border: the match is over
        os.write(2, _failure(error, job)[2].encode())
    _flush()


def _answer(value: Any) -> bytes:
    action, info = value, None
    if type(value).__name__ == "Answer" and isinstance(value, tuple) and len(value) == 2:  # noqa: PLR2004 - action, info
        action, info = value
    try:
        reply = protocol.pack([protocol.ANSWER, _listed(action), info])
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        return protocol.pack([protocol.FAILED, "illegal", f"no action: {error}"[:200], ""])
    if len(reply) > protocol.MAX_ANSWER:
        return protocol.pack([protocol.FAILED, "protocol", f"an answer of {len(reply)} bytes: too long", ""])
    return reply


def _listed(action: Any) -> Any:
    """Return an array as lists: actions are plain values."""
    return action.tolist() if type(action).__name__ == "ndarray" else action


def _failure(error: BaseException, job: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return kind, one line and traceback of what an agent raised."""
    kind = "crash"
    if isinstance(error, MemoryError):
        kind = "memory"
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if soft != hard:
            resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    if isinstance(error, agent.NoAgentError):
        return kind, _text(error, 300), ""
    if isinstance(error, OSError):
        kind = _OF_ERRNO.get(error.errno or 0, kind)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(job["folder"])]
    where = f" ({os.path.basename(own[-1].filename)}:{own[-1].lineno})" if own else ""
    if isinstance(error, SyntaxError) and error.filename:
        where = f" ({os.path.basename(error.filename)}:{error.lineno})"
    # The frames above the agent's own are this module's: no help to its author.
    shown = traceback.format_list(own) if own else traceback.format_list(frames)
    told = traceback.format_exception_only(type(error), error)
    text = _encodable("".join(["Traceback (most recent call last):\n", *shown, *told]))
    said = f"{type(error).__name__}: {_text(error, 160)}".removesuffix(": ")
    return kind, said + where, text.replace(job["folder"] + "/", "")[-8000:]


def _text(error: BaseException, limit: int) -> str:
    try:
        return _encodable(str(error)[:limit])
    except BaseException:  # noqa: BLE001 - a hostile __str__
        return "unprintable"


def _encodable(text: str) -> str:
    return text.encode(errors="replace").decode()


def _send(connection: socket.socket, nonce: int, message: Sequence[Any]) -> None:
    _flush()
    for packet in protocol.frame(nonce, protocol.pack(message)):
        connection.send(packet)


def _receive(connection: socket.socket) -> tuple[int, Any]:
    packet = connection.recv(protocol.PACKET)
    if not packet:
        os._exit(0)  # the worker is gone
    size, nonce = protocol.HEADER.unpack_from(packet)
    body = packet[protocol.HEADER.size :]
    if len(body) < size:
        parts = [body]
        while (size := size - len(parts[-1])) > 0:
            parts.append(connection.recv(protocol.PACKET))
            if not parts[-1]:
                os._exit(0)
        body = b"".join(parts)
    return nonce, protocol.unpack(body)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # closed or replaced by the agent
            continue


# ------------------------------------------------------------------------------------- seeds


class _SeedNumpy(importlib.abc.MetaPathFinder):
    """Seed numpy's global generator when, and only when, the agent imports it."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != "numpy.random":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def seeded(module: ModuleType) -> None:
                execute(module)
                module.seed(self._seed & 0xFFFFFFFF)

            spec.loader.exec_module = seeded  # type: ignore[method-assign]
        return spec


def _seed(seed: int) -> None:
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed & 0xFFFFFFFF)
    else:
        sys.meta_path.insert(0, _SeedNumpy(seed))
