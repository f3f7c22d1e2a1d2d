"""The filter of system calls that an agent's process runs under: what is not listed here is not there.

Which calls pass whatever their arguments is in calls.py. Where what a call does hangs on its arguments, they are
checked here: only those that are plain numbers, since what a pointer points to can change after the check. Numbers of a
foreign machine end the process. tests/golden/syscalls-*.txt hold what it comes to, docs/system-calls.md explains it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import TYPE_CHECKING, Literal

from evalengine_host import syscalls
from evalengine_host.bpf import (
    MACHINE,
    NUMBER,
    Code,
    by_number,
    has_any,
    is_64,
    is_at_least,
    is_one_of,
    low,
    masked_is,
    pack,
    result,
)
from evalengine_host.calls import ALLOWED, OWN_FILES, REFUSED, UNSUPPORTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Level = Literal["namespaces", "landlock"]
Kind = Literal["python", "program"]

_ALLOW = result(0x7FFF0000)
_KILL = result(0x80000000)  # the whole process


def _error(number: int) -> Code:
    return result(0x00050000 | number)


_REFUSE = _error(errno.EPERM)

# What install() fills in, in the process itself: numbers that stand for nothing else in a filter.
_SELF = 0x7FFFFF00
_KEY = tuple(range(0x7FFFFF01, 0x7FFFFF07))
_MARK = b"\xff\xff\x7f"  # how each of them ends in memory

_THREAD = 0x00010F00  # CLONE_THREAD, _VM, _FS, _FILES, _SIGHAND: all shared, so that limits of a process hold
_THREAD_EXTRAS = 0x017C0000  # CLONE_SYSVSEM, _SETTLS, _PARENT_SETTID, _CHILD_CLEARTID, _DETACHED, _CHILD_SETTID
# CLONE_NEW* (the kernel's word for namespaces), _PTRACE, _UNTRACED, _PIDFD, _IO, and _PARENT: a child of our parent's.
_NO_PROCESS = 0xFE02B000 | 0x00800000 | 0x00000080
_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX
# F_DUPFD, _GETFD, _SETFD, _GETFL, _SETFL, _GETLK, _SETLK, _SETLKW, _DUPFD_CLOEXEC, _GETPIPE_SZ, _GET_SEALS: no owner
# to signal, no lease, no larger pipes.
_FCNTLS = (0, 1, 2, 3, 4, 5, 6, 7, 1030, 1032, 1034)
# PR_SET_NAME, _GET_NAME, _GET_DUMPABLE, _CAPBSET_READ, _SET_TIMERSLACK, _GET_TIMERSLACK, _GET_NO_NEW_PRIVS,
# _SVE_GET_VL, _SET_VMA.
_PRCTLS = (15, 16, 3, 23, 29, 30, 39, 51, 0x53564D41)
_ARCH_PRCTLS = (0x1001, 0x1002, 0x1003, 0x1004, 0x1022, 0x1023)  # the registers of threads; the right to wide ones
_SOCKET_OPTIONS = (3, 4, 7, 8, 30, 38, 39)  # SO_TYPE, _ERROR, _SNDBUF, _RCVBUF, _ACCEPTCONN, _PROTOCOL, _DOMAIN
_MEMBARRIERS = (0, 8, 16, 32, 64, 128, 256)  # the private ones: those for all processes interrupt everybody's cores
_GROWS_DOWN_OR_HUGE = 0x00040100  # not counted by RLIMIT_DATA; taken from the administrator's pool
_SHARED_ANONYMOUS = 0x21
_TRUNCATE, _ACCESS = 0x200, 0x003
_UNSHARE_DESCRIPTORS = 2
_NOTIFICATIONS = 0x80
_OUT_OF_BAND = 1
_UNIX = 1
_SOL_SOCKET = 1


def filter_program(*, level: Level, kind: Kind, processes: int) -> bytes:
    """Return the filter for agents of one kind on this machine, for install(); it can be made long before.

    Args:
        level: what else contains the agent. `landlock` refuses what Landlock leaves open.
        kind: `python` never executes a file; `program` executes one, by execute().
        processes: how many the agent may have. With 1, its memory is private to it.

    Raises:
        evalengine_host.syscalls.NoTableError: this machine's system calls are not known.
    """
    return pack(compose(syscalls.machine(), level=level, kind=kind, processes=processes))


def compose(table: syscalls.Table, *, level: Level, kind: Kind, processes: int) -> Code:
    """Return the instructions of filter_program() for any machine."""
    answers = {name: _error(errno.EOPNOTSUPP) for name in UNSUPPORTED.split()}
    answers |= dict.fromkeys(REFUSED.split(), _REFUSE)
    answers |= dict.fromkeys(OWN_FILES.split(), _ALLOW if level == "namespaces" else _REFUSE)
    answers |= dict.fromkeys(ALLOWED.split(), _ALLOW)
    answers |= _checked() | _of_processes(level, processes)
    answers |= _of_landlock() if level == "landlock" else {"open": _ALLOW, "openat": _ALLOW, "tkill": _ALLOW}
    if kind == "program":
        answers["execve"] = _with_key(_ALLOW, _REFUSE)
        if level == "namespaces":
            answers["flock"] = _ALLOW  # java locks a file of its own, and complains on its standard output if it cannot
    codes = {table.numbers[name]: code for name, code in answers.items() if name in table.numbers}
    known = by_number(codes, _error(errno.ENOSYS))
    if table is syscalls.X86_64:
        known = is_at_least(NUMBER, 0x40000000, _KILL, known)  # x32: the same machine, other numbers
    return is_one_of(MACHINE, [table.audit], known, _KILL)


def _checked() -> dict[str, Code]:
    """Return what is checked at every level, for every kind."""
    in_band = has_any(low(3), _OUT_OF_BAND, _REFUSE, _ALLOW)
    option = is_one_of(low(2), _SOCKET_OPTIONS, _ALLOW, _REFUSE)
    return {
        "clone3": _error(errno.ENOSYS),  # its flags lie in memory; libc falls back on clone
        "ioctl": is_one_of(low(1), _IOCTLS, _ALLOW, _error(errno.ENOTTY)),
        "fcntl": is_one_of(low(1), _FCNTLS, _ALLOW, _REFUSE),
        "prctl": is_one_of(low(0), _PRCTLS, _ALLOW, _REFUSE),
        "arch_prctl": is_one_of(low(0), _ARCH_PRCTLS, _ALLOW, _error(errno.EINVAL)),
        "personality": is_one_of(low(0), [0xFFFFFFFF], _ALLOW, _REFUSE),
        "prlimit64": is_one_of(low(0), [0, _SELF], is_64(2, 0, 0, _ALLOW, _REFUSE), _REFUSE),
        "membarrier": is_one_of(low(0), _MEMBARRIERS, _ALLOW, _REFUSE),
        "close_range": has_any(low(2), _UNSHARE_DESCRIPTORS, _REFUSE, _ALLOW),
        "pipe2": has_any(low(1), _NOTIFICATIONS, _REFUSE, _ALLOW),
        "socketpair": is_one_of(low(0), [_UNIX], _ALLOW, _REFUSE),
        "getsockopt": is_one_of(low(1), [_SOL_SOCKET], option, _REFUSE),
        "sendto": is_64(4, 0, 0, in_band, _REFUSE),  # to whom it is connected, nobody else
        "recvfrom": in_band,
    }


def _of_processes(level: Level, processes: int) -> dict[str, Code]:
    extras = _THREAD_EXTRAS | _THREAD
    thread = has_any(low(0), 0xFFFFFFFF & ~extras, _REFUSE, masked_is(low(0), _THREAD, [_THREAD], _ALLOW, _REFUSE))
    itself = is_one_of(low(0), [_SELF], _ALLOW, _REFUSE)
    signal = _ALLOW if level == "namespaces" and processes > 1 else itself
    answers = {"kill": signal, "tgkill": signal}
    if processes > 1:
        child = has_any(low(0), _NO_PROCESS, _REFUSE, _ALLOW)
        return answers | {"clone": child, "fork": _ALLOW, "vfork": _ALLOW, "mmap": _mapping(_ALLOW)}
    private = masked_is(low(3), _SHARED_ANONYMOUS, [_SHARED_ANONYMOUS], _REFUSE, _ALLOW)
    return answers | {"clone": thread, "mmap": _mapping(private)}


def _mapping(then: Code) -> Code:
    return has_any(low(3), _GROWS_DOWN_OR_HUGE, _REFUSE, then)


def _of_landlock() -> dict[str, Code]:
    """Refuse to truncate what is only opened for reading: Landlock's first versions let it pass."""

    def checked(flags: int) -> Code:
        truncates = _TRUNCATE, _TRUNCATE | _ACCESS
        return masked_is(low(flags), _TRUNCATE | _ACCESS, truncates, _REFUSE, _ALLOW)

    return {"open": checked(1), "openat": checked(2)}


def _with_key(then: Code, otherwise: Code) -> Code:
    """Ask for the key in the three argument registers that execve does not use."""
    for argument in (5, 4, 3):
        lower, upper = _KEY[2 * argument - 6 : 2 * argument - 4]
        then = is_64(argument, lower, upper, then, otherwise)
    return then


def install(program: bytes) -> bytes:
    """Put this process, its threads and all that it starts under a filter, for ever; return the key for execute().

    To be called in the agent's own process: the filter lets it signal itself only. A new key is drawn each time.

    Raises:
        OSError: the kernel does not take it.
    """
    key = os.urandom(24)
    while _MARK in key:  # it would be taken for a placeholder
        key = os.urandom(24)
    program = program.replace(struct.pack("I", _SELF), struct.pack("I", os.getpid()))
    for place, placeholder in enumerate(_KEY):
        program = program.replace(struct.pack("I", placeholder), key[4 * place : 4 * place + 4])
    enforce(program)
    return key


def enforce(program: bytes) -> None:
    """Put this process under a filter as it stands.

    Raises:
        OSError: the kernel does not take it.
    """
    syscalls.prctl(38, 1)  # PR_SET_NO_NEW_PRIVS
    instructions = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions))
    for_all_threads = 1
    what = "the filter of system calls cannot be installed (Linux with CONFIG_SECCOMP_FILTER is needed)"
    other = syscalls.call("seccomp", 1, for_all_threads, described, what=what)
    if other:
        raise OSError(errno.EBUSY, f"{what}: thread {other} has one of its own")


def execute(key: bytes, path: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Become a program, under a filter of kind `program`. It cannot become another one.

    execve takes three arguments; the filter looks for `key` in the three registers behind them. The program starts with
    its registers cleared and memory of its own, nothing in its reach tells it the key, and it has 192 bits.

    Raises:
        OSError: the file cannot be executed; the text names it.
    """
    words = struct.unpack("3q", key)
    strings = [os.fsencode(item) for item in arguments]
    variables = [os.fsencode(f"{name}={value}") for name, value in environment.items()]
    argv = (ctypes.c_char_p * (len(strings) + 1))(*strings)
    envp = (ctypes.c_char_p * (len(variables) + 1))(*variables)
    syscalls.call("execve", os.fsencode(path), argv, envp, *words, what=path)
