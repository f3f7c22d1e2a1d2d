"""Children under filters, and a reader of filters. No tests here."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from evalengine_host import bpf, limits, seccomp, syscalls

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LEVELS = ("namespaces", "landlock")
KINDS = ("python", "program")
NOBODY = 65534
ROOT = os.geteuid() == 0
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="filters of system calls are Linux's")
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def in_child(body: Callable[[], Any], *, ordinary: bool = False, limit_s: int = 30) -> Any:
    """Return what `body` returns in a forked child: a JSON value, or "SIGxxx" if it was killed.

    What it raises fails the test.
    As root, `ordinary` makes the child nobody's first.
    """
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(limit_s)
        _child(body, theirs, ordinary=ordinary)
    os.close(theirs)
    with open(ours, "rb") as answer:
        text = answer.readline()  # not to the end: what the child leaves behind may hold it open
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    value = json.loads(text)
    assert "raised" not in value, value["raised"]
    return value["returned"]


def _child(body: Callable[[], Any], answer: int, *, ordinary: bool) -> None:
    try:
        if ordinary and ROOT:
            limits.drop_privileges(NOBODY, NOBODY)
        told = {"returned": body()}
    except BaseException:  # noqa: BLE001 - the parent fails with it
        told = {"raised": traceback.format_exc()}
    os.write(answer, json.dumps(told).encode() + b"\n")
    os._exit(0)


def under(
    body: Callable[[], Any], *, level: str, kind: str = "python", processes: int = 1, ordinary: bool = False
) -> Any:
    """Return what `body` returns in a child under the filter; see in_child."""
    program = seccomp.filter_program(level=level, kind=kind, processes=processes)

    def filtered() -> Any:
        seccomp.install(program)
        return body()

    return in_child(filtered, ordinary=ordinary)


def outcome(call: Callable[[], Any]) -> str:
    """Return the name of the error that a call ends with, or "done"."""
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


def raw(name: str | int, *arguments: Any) -> str:
    """Make a system call by name or number; return the name of its error, or "done"."""
    number = syscalls.machine().numbers[name] if isinstance(name, str) else name
    given = [ctypes.c_long(item) if isinstance(item, int) else item for item in arguments]
    if _libc.syscall(ctypes.c_long(number), *given) < 0:
        return errno.errorcode.get(ctypes.get_errno(), str(ctypes.get_errno()))
    return "done"


# --------------------------------------------------------------------------- reading filters

_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000


def say(action: int) -> str:
    """Return a filter's result in words: allowed, killed, or the error's name."""
    if action & 0xFFFF0000 == _ERRNO:
        return errno.errorcode[action & 0xFFFF]
    return {_ALLOW: "allowed", _KILL: "killed"}[action]


def results(code: bpf.Code, number: int, machine: int, arguments: tuple[int, ...] | None = None) -> set[str]:
    """Return what a filter can answer to a call: with these arguments, or, without, whatever they are."""
    data = struct.pack("iIQ6Q", number, machine, 0, *(arguments or (0,) * 6))
    found, todo = set(), [(0, 0, True)]  # where, the accumulator, whether it is known
    while todo:
        place, value, known = todo.pop()
        operation, if_true, if_false, operand = code[place]
        if operation == 0x06:
            found.add(say(operand))
        elif operation == 0x20:
            known = arguments is not None or operand < 16
            todo.append((place + 1, struct.unpack_from("I", data, operand)[0], known))
        elif operation == 0x54:
            todo.append((place + 1, value & operand, known))
        elif operation == 0x05:
            todo.append((place + 1 + operand, value, known))
        else:
            true = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[operation]
            todo += [
                (place + 1 + skipped, value, known)
                for skipped, way in ((if_true, True), (if_false, False))
                if not known or way == true
            ]
    return found


def reachable(table: syscalls.Table, **wanted: Any) -> dict[str, str]:
    """Return each call of a machine as a filter has it: allowed, checked, or the error that it always gives."""
    code = seccomp.compose(table, **wanted)
    words = {}
    for name, number in table.numbers.items():
        answers = results(code, number, table.audit)
        words[name] = "checked" if len(answers) > 1 else answers.pop()
    return words


def run_program(
    *argv: str,
    level: str,
    processes: int = 1,
    stdin: str = "",
    ordinary: bool = False,
    before: Callable[[], Any] = bool,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end under the filter of programs; `before` is called in its process first."""
    program = seccomp.filter_program(level=level, kind="program", processes=processes)

    def become() -> None:
        if ordinary and ROOT:
            limits.drop_privileges(NOBODY, NOBODY)
        before()
        seccomp.execute(seccomp.install(program), argv[0], argv, {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"})

    return subprocess.run(argv, preexec_fn=become, input=stdin, capture_output=True, text=True, timeout=60, check=False)


def built(source: str, path: Path, *options: str) -> str:
    """Compile a C program; skip the test where that cannot be done."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler")
    path.with_suffix(".c").write_text(source)
    done = subprocess.run(
        [compiler, "-O1", "-w", "-pthread", *options, "-o", path, path.with_suffix(".c")],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and options:
        pytest.skip(f"cannot be built with {options}: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr
    path.chmod(0o755)
    return str(path)


def found(name: str) -> str:
    """Return where a program of the system is; skip the test where it is not."""
    path = shutil.which(name, path="/usr/bin:/usr/games:/usr/local/bin")
    if not path:
        pytest.skip(f"{name} is not installed")
    return os.path.realpath(path)
