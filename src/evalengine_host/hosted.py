"""An agent in its process, however many matches it plays there: imported, its answers sent, its failures told."""

from __future__ import annotations

import errno
import importlib.abc
import importlib.machinery
import os
import resource
import sys
import traceback
from typing import TYPE_CHECKING, Any

from evalengine_host import agent, protocol

if TYPE_CHECKING:
    import mmap
    import socket
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

_OF_ERRNO = {errno.EAGAIN: "processes", errno.ENOSPC: "disk", errno.EDQUOT: "disk", errno.EFBIG: "disk"}
kept: list[mmap.mmap] = []
"""Where the limit of memory cannot be raised, memory to give back when it is reached."""


def imported(job: Mapping[str, Any], numpy_seed: Callable[[], int]) -> tuple[Any, str]:
    """Import the agent of `job`; return what can play and how it was found.

    Args:
        numpy_seed: asked for when numpy's generator is there, now or later.
    """
    sys.dont_write_bytecode = True
    sys.argv = [""]
    # By line, so that what an agent printed before it hung or died is not lost.
    sys.stdout = open(1, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115 - until the end
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115 - until the end
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(numpy_seed())
    else:
        sys.meta_path.insert(0, _SeedNumpy(numpy_seed))
    file, _, name = job["entry"].partition(":")
    path = os.path.join(job["folder"], file)
    os.chdir(os.path.dirname(path))
    return agent.find(agent.load_module(path), name)


def answer(value: Any) -> bytes:
    """Return the message that an agent's value stands for."""
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


def failure(error: BaseException, job: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return kind, one line and traceback of what an agent raised."""
    kind = "crash"
    if isinstance(error, MemoryError):
        kind = "memory"
        kept.clear()
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if soft != hard:
            resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    if isinstance(error, agent.NoAgentError):
        return kind, _text(error, 300), ""
    if isinstance(error, OSError):
        kind = _OF_ERRNO.get(error.errno or 0, kind)
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, PermissionError) and frames and "fork" in (frames[-1].line or ""):
        kind = "processes"  # the filter of an agent that may have one only
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


def send(connection: socket.socket, nonce: int, message: Sequence[Any]) -> None:
    """Send one message."""
    flush()
    for packet in protocol.frame(nonce, protocol.pack(message)):
        connection.send(packet)


def receive(connection: socket.socket) -> tuple[int, Any]:
    """Return the next message with its nonce; ends the process when the worker is gone."""
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


def flush() -> None:
    """Write what the agent printed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # closed or replaced by the agent
            continue


class _SeedNumpy(importlib.abc.MetaPathFinder):
    """Seed numpy's global generator when, and only when, the agent imports it."""

    def __init__(self, seed: Callable[[], int]) -> None:
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
                module.seed(self._seed())

            spec.loader.exec_module = seeded  # type: ignore[method-assign]
        return spec
