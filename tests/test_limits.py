"""What the kernel counts for an agent's process, and that its privileges are gone for good."""

import ctypes
import errno
import os
import resource
import sys
import threading
from pathlib import Path

import pytest
from contained import LINUX, NOBODY, ROOT, in_child, outcome, raw

from evalengine_host import limits

pytestmark = LINUX
NEEDS_ROOT = pytest.mark.skipif(not ROOT, reason="needs root")
NONE = {"data_mib": 0, "address_space_mib": 0, "file_mib": 1, "stack_mib": 8, "open_files": 64, "tasks": 0, "cpu_s": 0}


def limited(body, **wanted):
    """Return what `body` returns in an ordinary user's child with these limits."""

    def restricted():
        limits.restrict(**{**NONE, **wanted})
        return body()

    return in_child(restricted, ordinary=True)


def allocated(mib):
    try:
        return len(bytearray(mib << 20)) >> 20
    except MemoryError:
        return "MemoryError"


def test_memory_is_limited():
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() >> 20
    data = next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmData" in line)
    assert limited(lambda: [allocated(50), allocated(300)], data_mib=data // 1024 + 100) == [50, "MemoryError"]
    assert limited(lambda: [allocated(50), allocated(300)], address_space_mib=mapped + 100) == [50, "MemoryError"]
    assert limited(lambda: allocated(300)) == 300


def test_files_and_descriptors_are_limited(tmp_path):
    tmp_path.chmod(0o777)
    file = os.open("/dev/shm" if os.path.isdir("/dev/shm") else "/tmp", os.O_TMPFILE | os.O_RDWR)

    def body():
        seen = [outcome(lambda: os.pwrite(file, b"x", 1 << 20)), outcome(lambda: os.pwrite(file, b"x", (1 << 20) - 1))]
        opened = []
        try:
            while True:
                opened.append(os.open("/dev/null", os.O_RDONLY))
        except OSError as error:
            return [*seen, errno.errorcode[error.errno], max(opened)]

    try:
        assert limited(body) == ["EFBIG", "done", "EMFILE", 63]
    finally:
        os.close(file)


def test_processor_time_is_limited():
    def spin():
        while True:
            pass

    assert limited(spin, cpu_s=1) == "SIGXCPU"


@NEEDS_ROOT
def test_tasks_are_limited():
    def body():
        limits.restrict(**{**NONE, "tasks": 5})
        limits.drop_privileges(54321, 54321)  # nobody else is this user
        started, go = 0, threading.Event()
        try:
            for _ in range(20):
                threading.Thread(target=go.wait, daemon=True).start()
                started += 1
        except RuntimeError:
            pass
        return started

    assert in_child(body) == 4  # and the first thread


def test_limits_cannot_be_raised_again_and_a_lower_one_stays():
    def body():
        limits.restrict(**{**NONE, "open_files": 32, "tasks": 50, "cpu_s": 5})
        limits.restrict(**{**NONE, "open_files": 64, "tasks": 60, "cpu_s": 9})
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        except ValueError:
            return [resource.getrlimit(which)[1] for which in always]

    always = (
        resource.RLIMIT_NOFILE,
        resource.RLIMIT_NPROC,
        resource.RLIMIT_CPU,
        resource.RLIMIT_CORE,
        resource.RLIMIT_MEMLOCK,
        resource.RLIMIT_MSGQUEUE,
        resource.RLIMIT_STACK,
    )
    assert in_child(body, ordinary=True) == [32, 50, 6, 0, 0, 0, 8 << 20]


def status_of(text):
    return dict(line.split(":", 1) for line in text.splitlines())


@NEEDS_ROOT
def test_privileges_are_dropped_for_good():
    def body():
        limits.drop_privileges(NOBODY, NOBODY)
        ctypes.CDLL(None).prctl(4, 1)  # PR_SET_DUMPABLE again: else this process's own status is not its own to read
        status = {name: value.split() for name, value in status_of(Path("/proc/self/status").read_text()).items()}
        seen = {
            name: status[name] for name in ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
        }
        ways = [lambda: os.setuid(0), lambda: os.setresuid(-1, 0, -1), lambda: os.setgid(0), lambda: os.setgroups([0])]
        return [seen, [outcome(way) for way in ways], raw("chroot", b"/")]

    none = ["0" * 16]
    who = {"Uid": ["65534"] * 4, "Gid": ["65534"] * 4, "Groups": []}
    expected = who | dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), none)
    assert in_child(body) == [expected, ["EPERM"] * 4, "EPERM"]


@NEEDS_ROOT
def test_root_without_privileges_is_root_by_name_only():
    """As in a user namespace that maps nobody else."""

    def body():
        limits.drop_privileges(0, 0)
        pid = os.fork()
        if pid == 0:  # executing a file as root gives no capabilities either
            os.execv(sys.executable, [sys.executable, "-c", "import os; os.chroot('/')"])
        return [raw("chroot", b"/"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])]

    with open(os.devnull, "w") as null:
        saved = os.dup(2)
        os.dup2(null.fileno(), 2)
        try:
            assert in_child(body) == ["EPERM", 1]
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def test_an_ordinary_user_stays_who_he_is():
    def body():
        who = os.getresuid(), os.getresgid()
        limits.drop_privileges(os.getuid(), os.getgid())
        return [who == (os.getresuid(), os.getresgid()), outcome(lambda: limits.drop_privileges(0, 0))]

    assert in_child(body, ordinary=True) == [True, "EPERM"]


def test_no_process_of_that_user_can_look_into_it():
    def looked(*, dumpable):
        limits.drop_privileges(os.getuid(), os.getgid())
        ctypes.CDLL(None).prctl(4, int(dumpable))
        pid = os.getpid()
        watcher = os.fork()
        if watcher == 0:
            listed = outcome(lambda: os.listdir(f"/proc/{pid}/fd"))
            os._exit(2 * (listed == "done") + (raw("kcmp", pid, os.getpid(), 2, 0, 0) == "done"))
        return os.waitstatus_to_exitcode(os.waitpid(watcher, 0)[1])

    assert in_child(lambda: looked(dumpable=True), ordinary=True) == 3  # so that the next line can fail
    assert in_child(lambda: looked(dumpable=False), ordinary=True) == 0
