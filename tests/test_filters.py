"""What the kernel keeps an agent's process from: filters of system calls, in real processes."""

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import types
from pathlib import Path

import pytest
from commandline import check_golden
from contained import KINDS, LEVELS, LINUX, ROOT, in_child, outcome, raw, reachable, results, under

from evalengine_host import bpf, seccomp, syscalls

pytestmark = LINUX
USERS = [
    pytest.param(False, marks=pytest.mark.skipif(not ROOT, reason="needs root"), id="root"),
    pytest.param(True, id="user"),
]
AS_EVERYBODY = pytest.mark.parametrize("ordinary", USERS)
AT_EVERY_LEVEL = pytest.mark.parametrize("level", LEVELS)
OF_EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
X86_64_ONLY = pytest.mark.skipif(os.uname().machine != "x86_64", reason="x86_64 has older system calls")
# Tracers' return points on x86_64: Linux 6.14 and newer lets them pass every filter, and ends who calls them otherwise.
UPROBES = (335, 336) if os.uname().machine == "x86_64" else ()
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


@pytest.fixture
def folder():
    """Return a folder that everybody can write to; pytest's own are the user's."""
    with tempfile.TemporaryDirectory() as path:
        Path(path).chmod(0o777)
        yield Path(path)


# -------------------------------------------------------------------------------------- tables


def numbers_of(header):
    text = header.read_text()
    found = {}
    for wide, name, number in re.findall(r"^#define __NR(3264)?_(\w+)\s+(\d+)$", text, re.MULTILINE):
        # The generic header leaves its 64-bit names to the preprocessor.
        found["newfstatat" if wide and name == "fstatat" else name] = int(number)
    return found


@pytest.mark.parametrize("machine", HEADERS)
def test_numbers_are_those_of_the_kernels_headers(machine):
    header = HEADERS[machine]
    if not header.exists():
        pytest.skip("no kernel headers (linux-libc-dev)")
    table, there = syscalls.TABLES[machine].numbers, numbers_of(header)
    assert len(there) > 290
    only_there = {"arch_specific_syscall", "syscalls", "sync_file_range2"}  # two markers; a name of other machines
    known = {name: number for name, number in there.items() if name not in only_there and not name.endswith("time64")}
    known = {name: number for name, number in known.items() if not 403 <= number <= 423}  # of 32-bit machines
    assert {name: table.get(name) for name in known} == known
    assert all(number > max(known.values()) for name, number in table.items() if name not in there)


def test_names_in_the_lists_exist_and_stand_in_one_list_only():
    from evalengine_host import calls

    everywhere = {*syscalls.X86_64.numbers, *syscalls.AARCH64.numbers}
    names = [
        name for text in (calls.ALLOWED, calls.OWN_FILES, calls.REFUSED, calls.UNSUPPORTED) for name in text.split()
    ]
    assert set(names) <= everywhere
    assert len(names) == len(set(names))


@pytest.mark.parametrize("uname", [("Linux", "riscv64"), ("Darwin", "x86_64")])
def test_a_machine_without_a_table_is_refused(monkeypatch, uname):
    monkeypatch.setattr(os, "uname", lambda: (uname[0], "host", "6", "1", uname[1]))
    monkeypatch.setattr(syscalls, "machine", syscalls.machine.__wrapped__)  # not what was found out before
    with pytest.raises(
        syscalls.NoTableError, match=f"for {uname[0]} on {uname[1]} .*: there is one for 64-bit Linux on"
    ):
        seccomp.filter_program(level="namespaces", kind="python", processes=1)


# ----------------------------------------------------------------------- what can be reached


@pytest.mark.parametrize("table", syscalls.TABLES.values(), ids=lambda table: table.name)
@AT_EVERY_LEVEL
@OF_EVERY_KIND
def test_reachable_system_calls_are_those_of_the_golden_file(table, level, kind):
    alone = reachable(table, level=level, kind=kind, processes=1)
    several = reachable(table, level=level, kind=kind, processes=2)
    lines = [f"{table.name}, {level}, {kind}, one process; all others end with an error", ""]
    for word in ("allowed", "checked"):
        names = sorted(name for name, answer in alone.items() if answer == word)
        lines += [f"{len(names)} {word}:", *names, ""]
    lines.append("otherwise with several processes:")
    lines += [f"{name} {several[name]}" for name in sorted(alone) if alone[name] != several[name]]
    check_golden(f"syscalls-{table.name}-{level}-{kind}", "\n".join(lines) + "\n")


def test_the_documentation_counts_right():
    rows = re.findall(
        r"^\| (.+?) at `(\w+)` \| (\d+) \| (\d+) \| (\d+) \|$",
        (Path(__file__).parent.parent / "docs" / "system-calls.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert len(rows) == len(KINDS) * len(LEVELS)
    for agents, level, *counts in rows:
        kind = "program" if agents == "programs" else "python"
        words = list(reachable(syscalls.X86_64, level=level, kind=kind, processes=1).values())
        passing = words.count("allowed"), words.count("checked")
        assert [int(count) for count in counts] == [*passing, len(words) - sum(passing)], (agents, level)


@AT_EVERY_LEVEL
@OF_EVERY_KIND
def test_the_kernel_refuses_what_the_golden_files_leave_out(level, kind):
    table = syscalls.machine()
    words = reachable(table, level=level, kind=kind, processes=1)
    refused = {number: words[name] for name, number in table.numbers.items() if words[name][0] == "E"}
    unknown = {number: "ENOSYS" for number in range(600) if number not in {*table.numbers.values(), *UPROBES}}
    expected = {str(number): word for number, word in (refused | unknown).items()}
    assert len(refused) > 150
    assert under(lambda: {number: raw(int(number)) for number in expected}, level=level, kind=kind) == expected


@pytest.mark.parametrize("table", syscalls.TABLES.values(), ids=lambda table: table.name)
@AT_EVERY_LEVEL
@OF_EVERY_KIND
@pytest.mark.parametrize("processes", [1, 2])
def test_what_install_fills_in_stands_for_nothing_else(table, level, kind, processes):
    code = seccomp.compose(table, level=level, kind=kind, processes=processes)
    operands = {operand for *_, operand in code}
    packed = bpf.pack(code)
    found = [match.start() % 8 for match in re.finditer(re.escape(seccomp._MARK), packed)]
    assert set(found) == {5}  # in operands only, never across two instructions
    assert len(found) == sum(operand in (seccomp._SELF, *seccomp._KEY) for *_, operand in code)
    assert (set(seccomp._KEY) <= operands) == (kind == "program")
    assert bpf.unpack(packed) == code


@pytest.mark.parametrize("table", syscalls.TABLES.values(), ids=lambda table: table.name)
def test_other_machines_numbers_end_the_process(table):
    code = seccomp.compose(table, level="namespaces", kind="python", processes=1)
    (other,) = (item for item in syscalls.TABLES.values() if item is not table)
    for audit in (other.audit, 0x40000003, 0x40000028):  # i386 and 32-bit ARM
        assert {answer for number in range(600) for answer in results(code, number, audit)} == {"killed"}


# ------------------------------------------------------------------------------------ attacks

NEW = 0x7E020000  # CLONE_NEW*
PARENT = os.getpid()  # alive, and not the child's own
REFUSED_CALLS = {
    # class of attack: (system call, arguments)
    "exec": ("execve", b"/bin/true", None, None),
    "exec with guessed registers": ("execve", b"/bin/true", None, None, 0, 0, 0),
    "exec of a descriptor": ("execveat", -100, b"/bin/true", None, None, 0),
    "internet": ("socket", 2, 1, 0),
    "datagrams": ("socket", 2, 2, 0),
    "internet 6": ("socket", 10, 1, 0),
    "unix socket": ("socket", 1, 1, 0),
    "netlink": ("socket", 16, 3, 0),
    "packets": ("socket", 17, 3, 0x300),
    "vsock": ("socket", 40, 1, 0),
    "kernel cryptography": ("socket", 38, 5, 0),
    "socket pair of another family": ("socketpair", 16, 1, 0, bytes(8)),
    "io_uring": ("io_uring_setup", 4, bytes(256)),
    "kernel aio": ("io_setup", 1, bytes(8)),
    "kill the parent": ("kill", PARENT, 0),
    "kill everybody": ("kill", -1, 0),
    "kill the group": ("kill", 0, 0),
    "kill init": ("kill", 1, 0),
    "kill a thread of the parent": ("tgkill", PARENT, PARENT, 0),
    "signal with a value": ("rt_sigqueueinfo", PARENT, 0, bytes(128)),
    "pidfd": ("pidfd_open", PARENT, 0),
    "signal by pidfd": ("pidfd_send_signal", 3, 0, None, 0),
    "steal a descriptor": ("pidfd_getfd", 3, 3, 0),
    "ptrace": ("ptrace", 16, PARENT, 0, 0),
    "ptrace me": ("ptrace", 0, 0, 0, 0),
    "read memory": ("process_vm_readv", PARENT, None, 0, None, 0, 0),
    "write memory": ("process_vm_writev", PARENT, None, 0, None, 0, 0),
    "limits of another": ("prlimit64", PARENT, 7, None, bytes(16)),
    "limits of its own": ("prlimit64", 0, 7, struct.pack("2Q", 9, 9), None),
    "priority of others": ("setpriority", 1, 0, 5),
    "core of its own choice": ("sched_setaffinity", 0, 8, bytes([1]) + bytes(7)),
    "scheduling class": ("sched_setscheduler", 0, 3, bytes(4)),
    "leave the session": ("setsid",),
    "leave the group": ("setpgid", 0, 0),
    "outlive the parent": ("prctl", 1, 0, 0, 0, 0),
    "become a reaper": ("prctl", 36, 1, 0, 0, 0),
    "a filter of its own": ("prctl", 22, 1, 0, 0, 0),
    "seccomp": ("seccomp", 0, 0, None),
    "personality": ("personality", 0x0400000),
    "user namespace": ("unshare", 0x10000000),
    "descriptors of its own": ("unshare", 0x400),
    "descriptors by close_range": ("close_range", 900, 901, 2),
    "join a namespace": ("setns", 3, 0),
    "mount": ("mount", b"none", b"/tmp", b"tmpfs", 0, None),
    "unmount": ("umount2", b"/tmp", 2),
    "new mount calls": ("fsopen", b"tmpfs", 0),
    "move a mount": ("mount_setattr", -100, b"/", 0, bytes(32), 32),
    "pivot_root": ("pivot_root", b"/tmp", b"/tmp"),
    "chroot": ("chroot", b"/tmp"),
    "files by handle": ("open_by_handle_at", -100, bytes(136), 0),
    "handles": ("name_to_handle_at", -100, b"/", bytes(136), bytes(8), 0),
    "watch files": ("inotify_init1", 0),
    "watch mounts": ("fanotify_init", 0, 0),
    "device": ("mknodat", -100, b"/tmp/never", 0o20666, 0x103),
    "chown": ("fchownat", -100, b"/", 0, 0, 0),
    "sync all disks": ("sync",),
    "become root": ("setuid", 0),
    "become root thrice": ("setresuid", 0, 0, 0),
    "become a group": ("setgroups", 0, None),
    "capabilities": ("capset", struct.pack("Ii", 0x20080522, 0), bytes(24)),
    "key ring": ("keyctl", 0, -3, 1, 0, 0),
    "add a key": ("add_key", b"user", b"x", b"x", 1, -3),
    "bpf": ("bpf", 0, bytes(128), 128),
    "performance counters": ("perf_event_open", bytes(128), 0, -1, -1, 0),
    "userfaultfd": ("userfaultfd", 1),
    "memfd": ("memfd_create", b"x", 0),
    "secret memory": ("memfd_secret", 0),
    "System V memory": ("shmget", 0x5EED, 4096, 0o1600),
    "System V semaphores": ("semget", 0x5EED, 1, 0o1600),
    "System V messages": ("msgget", 0x5EED, 0o1600),
    "POSIX messages": ("mq_open", b"never", 0o102, 0o600, None),
    "shared anonymous memory": ("mmap", 0, 4096, 3, 0x21, -1, 0),
    "shared anonymous memory, validated": ("mmap", 0, 4096, 3, 0x23, -1, 0),
    "memory that the limit does not count": ("mmap", 0, 4096, 3, 0x122, -1, 0),
    "huge pages": ("mmap", 0, 1 << 21, 3, 0x40022, -1, 0),
    "locked memory": ("mlockall", 1),
    "pipe tricks": ("splice", 0, None, 1, None, 1, 0),
    "notification pipe": ("pipe2", bytes(8), 0x80),
    "larger pipes": ("fcntl", 1, 1031, 1 << 20),
    "signals by descriptor": ("fcntl", 1, 8, PARENT),
    "signals by descriptor, extended": ("fcntl", 1, 15, struct.pack("ii", 1, PARENT)),
    "lease": ("fcntl", 1, 1024, 0),
    "send messages with descriptors": ("sendmsg", 0, bytes(56), 0),
    "send to an address": ("sendto", 0, b"x", 1, 0, b"\x01\0/run/log\0", 10),
    "send out of band": ("sendto", 0, b"x", 1, 1, None, 0),
    "who is at the other end": ("getsockopt", 0, 1, 77, bytes(4), struct.pack("i", 4)),
    "filters on sockets": ("setsockopt", 0, 1, 26, bytes(16), 16),
    "interrupt all cores": ("membarrier", 1, 0, 0),
    "clock": ("clock_settime", 0, bytes(16)),
    "host name": ("sethostname", b"x", 1),
    "kernel log": ("syslog", 10, None, 0),
    "kernel module": ("init_module", None, 0, b""),
    "reboot": ("reboot", 0, 0, 0, None),
    "a child": ("clone", 17, 0, 0, 0, 0),
    "a brother": ("clone", 0x8000 | 17, 0, 0, 0, 0),
    "a child in namespaces": ("clone", NEW | 17, 0, 0, 0, 0),
    "a thread with descriptors of its own": ("clone", 0x10900, 0, 0, 0, 0),
}
OF_LANDLOCK = {
    "mode": ("fchmodat", -100, b"outside", 0o777),
    "mode by descriptor": ("fchmod", 0, 0o777),
    "time": ("utimensat", -100, b"outside", None, 0),
    "size": ("truncate", b"outside", 1),
    "size on opening": ("openat", -100, b"outside", os.O_TRUNC, 0),
    "size on opening without access": ("openat", -100, b"outside", os.O_TRUNC | os.O_ACCMODE, 0),
    "link": ("linkat", -100, b"outside", -100, b"inside", 0),
    "symbolic link": ("symlinkat", b"outside", -100, b"inside"),
}


def there(cases):
    """Return the cases whose system call this machine has."""
    return {name: case for name, case in cases.items() if case[0] in syscalls.machine().numbers}


@AS_EVERYBODY
@AT_EVERY_LEVEL
@OF_EVERY_KIND
def test_attacks_are_refused(level, kind, ordinary):
    cases = there(REFUSED_CALLS | (OF_LANDLOCK if level == "landlock" else {}))
    seen = under(lambda: {name: raw(*case) for name, case in cases.items()}, level=level, kind=kind, ordinary=ordinary)
    assert seen == dict.fromkeys(cases, "EPERM")


def test_the_attacks_would_work_without_a_filter():
    """So that the test above can fail: these end otherwise for the same user."""
    harmless = [
        "internet",
        "unix socket",
        "kill the parent",
        "pidfd",
        "memfd",
        "shared anonymous memory",
        "larger pipes",
    ]
    cases = [REFUSED_CALLS[name] for name in harmless]
    r, w = os.pipe()

    def unfiltered():
        os.dup2(w, 1)
        return [raw(*case) for case in cases]

    assert in_child(unfiltered) == ["done"] * len(cases)
    os.close(r)
    os.close(w)


@AT_EVERY_LEVEL
def test_extended_attributes_are_said_to_be_unsupported_so_that_copying_goes_on(level, folder):
    import shutil

    (folder / "a").write_text("x")

    def body():
        seen = outcome(lambda: os.setxattr(folder / "a", "user.a", b"1"))
        (shutil.copyfile if level == "landlock" else shutil.copy2)(folder / "a", folder / "b")
        return [seen, os.listdir(folder)]

    seen, names = under(body, level=level)
    assert (seen, sorted(names)) == (errno.errorcode[errno.EOPNOTSUPP], ["a", "b"])


@AT_EVERY_LEVEL
@OF_EVERY_KIND
def test_only_programs_with_files_of_their_own_lock_whole_files(level, kind):
    may = level == "namespaces" and kind == "program"
    assert under(lambda: raw("flock", -1, 2), level=level, kind=kind) == ("EBADF" if may else "EPERM")


@AT_EVERY_LEVEL
def test_a_terminal_takes_no_characters_and_keeps_its_settings(level):
    def body():
        return [outcome(lambda number=number: fcntl.ioctl(0, number, b"x" * 60)) for number in (0x5412, 0x541C, 0x5402)]

    assert under(body, level=level) == ["ENOTTY"] * 3  # TIOCSTI, TIOCLINUX, TCSETS


@AT_EVERY_LEVEL
def test_new_ways_that_carry_flags_in_memory_are_unknown(level):
    names = ["clone3", "openat2", "setxattrat", "statmount", "mseal"]
    assert under(lambda: [raw(name, bytes(88), 88) for name in names], level=level) == ["ENOSYS"] * len(names)


@X86_64_ONLY
@AT_EVERY_LEVEL
@OF_EVERY_KIND
def test_32_bit_system_calls_end_the_process(level, kind):
    def body():
        code = mmap.mmap(-1, 4096, prot=7, flags=0x22)
        code.write(
            b"\x53\xb8\x14\x00\x00\x00\xcd\x80\x5b\xc3"
        )  # push rbx; mov eax, 20 (getpid); int 0x80; pop rbx; ret
        return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()

    assert under(body, level=level, kind=kind) == "SIGSYS"
    assert under(lambda: raw(0x40000000 | 39), level=level, kind=kind) == "SIGSYS"  # getpid of x32


@AS_EVERYBODY
@AT_EVERY_LEVEL
def test_a_process_may_signal_itself_only(level, ordinary):
    def body():
        caught = []
        signal.signal(signal.SIGUSR1, lambda *_: caught.append(1))
        os.kill(os.getpid(), signal.SIGUSR1)
        signal.raise_signal(signal.SIGUSR1)
        return [len(caught), outcome(lambda: os.killpg(0, 0)), outcome(lambda: os.kill(os.getppid(), 0))]

    assert under(body, level=level, ordinary=ordinary) == [2, "EPERM", "EPERM"]


def test_a_datagram_goes_to_nobody_but_the_other_end(folder):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as outside:
        outside.bind(str(folder / "log"))
        outside.setblocking(False)

        def body():
            a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            a.send(b"x")
            seen = [b.recv(9).decode()]
            seen.append(outcome(lambda: a.sendto(b"x", str(folder / "log"))))
            return [
                *seen,
                outcome(lambda: a.sendmsg([b"x"], [], 0, str(folder / "log"))),
                outcome(lambda: a.connect("x")),
            ]

        assert under(body, level="landlock") == ["x", "EPERM", "EPERM", "EPERM"]
        with pytest.raises(BlockingIOError):
            outside.recv(9)


# --------------------------------------------------------------------------- several processes


@AT_EVERY_LEVEL
def test_children_are_for_those_who_may_have_several_processes(level):
    def body():
        import multiprocessing

        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        child = context.Process(target=lambda: theirs.send("from the child"))
        child.start()
        said = ours.recv()
        child.join()
        return [said, child.exitcode]

    assert under(body, level=level, processes=4) == ["from the child", 0]
    assert under(lambda: outcome(os.fork), level=level) == "EPERM"


def test_children_share_a_queue_where_they_have_shared_memory_of_their_own():
    def body():
        import multiprocessing

        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        child = context.Process(target=queue.put, args=(7,))
        child.start()
        got = queue.get(timeout=10)
        child.join()
        return got

    assert under(body, level="namespaces", processes=4) == 7


@AS_EVERYBODY
@AT_EVERY_LEVEL
def test_children_cannot_leave_execute_or_be_anybody_elses(level, ordinary):
    names = ["leave the session", "leave the group", "a brother", "a child in namespaces", "exec", "huge pages"]
    names += ["memory that the limit does not count", "limits of its own", "System V memory"]

    def body():
        pid = os.fork()
        if pid == 0:
            seen = [raw(*REFUSED_CALLS[name]) for name in names]
            os._exit(sum(word != "EPERM" for word in seen))
        refused = outcome(lambda: subprocess.run(["/bin/true"], check=True))
        return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), refused]

    assert under(body, level=level, processes=4, ordinary=ordinary) == [0, "EPERM"]


def test_without_namespaces_even_several_processes_signal_nobody_else():
    def body():
        pid = os.fork()
        if pid == 0:
            signal.pause()
        seen = outcome(lambda: os.kill(pid, signal.SIGKILL))
        return [seen, outcome(lambda: os.kill(PARENT, 0)), pid]

    *seen, pid = under(body, level="landlock", processes=4)
    os.kill(pid, signal.SIGKILL)
    assert seen == ["EPERM", "EPERM"]


# ---------------------------------------------------------------------------------- honest ones


def deep(depth):
    return 0 if depth == 0 else 1 + deep(depth - 1)


def deep_recursion():
    sys.setrecursionlimit(50_000)
    threading.stack_size(128 << 20)
    reached = []
    thread = threading.Thread(target=lambda: reached.append(deep(20_000)))
    thread.start()
    thread.join()
    return reached == [20_000]


def memory():
    block = bytearray(200 << 20)
    block[:: mmap.PAGESIZE] = b"x" * (len(block) // mmap.PAGESIZE)
    return len(block) == 200 << 20


def standard_library():
    import asyncio
    import decimal
    import hashlib
    import logging
    import re as _re
    import sqlite3
    import ssl  # noqa: F401 - importing is what is tried
    import uuid
    import zlib
    from concurrent.futures import ThreadPoolExecutor

    logging.getLogger("quiet").debug("hello")
    with contextlib.closing(sqlite3.connect(":memory:")) as database, ThreadPoolExecutor(4) as pool:
        return [
            asyncio.run(asyncio.sleep(0.001, 7)),
            database.execute("select 3").fetchone()[0],
            sum(pool.map(len, ["a", "bb"])),
            len(uuid.uuid4().hex),
            len(zlib.compress(hashlib.sha256(b"x").digest())) > 0,
            str(decimal.Decimal(1) / 4),
            bool(_re.match("a+", "aa")),
        ] == [7, 3, 3, 32, True, "0.25", True]


def own_timer():
    def stop(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try:
        signal.pause()
    except TimeoutError:
        return True


def calculation():
    import numpy as np

    return (
        float(np.linalg.inv(np.eye(50) * 2).sum()) == 25.0 and np.random.default_rng(1).integers(10, size=99).size == 99
    )


def files():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a")
        path.write_text("x" * 10)
        path.rename(path.with_name("b"))
        with open(path.with_name("b"), "r+") as file:
            file.truncate(3)
        Path(folder, "c").mkdir()
        return sorted(os.listdir(folder)) == ["b", "c"] and path.with_name("b").stat().st_size == 3


def limits_of_its_own():
    return (
        resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 0
        and resource.prlimit(os.getpid(), resource.RLIMIT_CORE) is not None
    )


@AT_EVERY_LEVEL
@pytest.mark.parametrize(
    "body",
    [deep_recursion, memory, standard_library, own_timer, calculation, files, limits_of_its_own],
    ids=lambda f: f.__name__,
)
def test_honest_python_works(level, body):
    assert under(body, level=level) is True


def test_the_filter_holds_for_threads_that_run_already():
    def body():
        seen, go = [], threading.Event()
        thread = threading.Thread(target=lambda: (go.wait(), seen.append(outcome(socket.socket))))
        thread.start()
        seccomp.install(seccomp.filter_program(level="landlock", kind="python", processes=1))
        go.set()
        thread.join()
        return seen

    assert in_child(body) == ["EPERM"]


# --------------------------------------------------------------- below a default container's filter


def of_a_container():
    """Return a filter that refuses what default containers refuse: new namespaces, mounts, keys, bpf."""
    allow, refuse = bpf.result(0x7FFF0000), bpf.result(0x00050001)
    names = ["unshare", "mount", "umount2", "pivot_root", "setns", "mount_setattr", "keyctl", "bpf", "ptrace"]
    codes = {syscalls.machine().numbers[name]: refuse for name in names}
    codes[syscalls.machine().numbers["clone"]] = bpf.has_any(bpf.low(0), NEW, refuse, allow)
    codes[syscalls.machine().numbers["clone3"]] = bpf.result(0x00050000 | 38)
    return bpf.pack(bpf.by_number(codes, allow))


@AS_EVERYBODY
def test_the_filter_works_below_that_of_a_default_container(ordinary):
    cases = there(REFUSED_CALLS | OF_LANDLOCK)

    def body():
        seccomp.enforce(of_a_container())
        assert raw("mount", b"none", b"/tmp", b"tmpfs", 0, None) == "EPERM"
        seccomp.install(seccomp.filter_program(level="landlock", kind="python", processes=1))
        return {name: raw(*case) for name, case in cases.items()}

    assert in_child(body, ordinary=ordinary) == dict.fromkeys(cases, "EPERM")


def test_a_kernel_that_takes_no_filter_is_said_so(monkeypatch):
    def broken():
        numbers = syscalls.machine().numbers | {"seccomp": 9999}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(syscalls, "machine", lambda: types.SimpleNamespace(numbers=numbers))
            with pytest.raises(OSError, match=r"cannot be installed .Linux with CONFIG_SECCOMP_FILTER is needed"):
                seccomp.enforce(b"\x06\0\0\0\0\0\xff\x7f")
        return True

    assert in_child(broken)
