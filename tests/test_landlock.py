"""Landlock: an agent's process reaches the files that it was left, and no others; at every version of the interface."""

import os
import socket
import subprocess
import tempfile
from functools import partial
from pathlib import Path

import pytest
from contained import LINUX, ROOT, in_child, outcome
from test_filters import of_a_container

from evalengine_host import landlock, seccomp

pytestmark = [LINUX, pytest.mark.skipif(not landlock.abi(), reason="this kernel has no Landlock")]
USERS = [
    pytest.param(False, marks=pytest.mark.skipif(not ROOT, reason="needs root"), id="root"),
    pytest.param(True, id="user"),
]
AS_EVERYBODY = pytest.mark.parametrize("ordinary", USERS)
AT_EVERY_VERSION = pytest.mark.parametrize("version", range(1, landlock.abi() + 1))


@pytest.fixture
def files():
    """Return a folder with `agent`, `tmp` and `outside`, open to everybody: only Landlock keeps one out."""
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        for name in (".", "agent", "tmp", "outside"):
            (folder / name).mkdir(exist_ok=True)
            (folder / name).chmod(0o777)
        for name in ("agent/bot.py", "tmp/old", "outside/secret"):
            (folder / name).write_text("text")
            (folder / name).chmod(0o666)
        yield folder


def left(files, body, *, ordinary=True, executable=(), before=bool):
    """Return what `body` returns in a child that may read `agent` and write in `tmp`."""

    def restricted():
        before()
        landlock.restrict(readable=[f"{files}/agent"], writable=[f"{files}/tmp", "/dev/null"], executable=executable)
        return body()

    return in_child(restricted, ordinary=ordinary)


def attempts(files):
    """Try the ways in and out; return what each ended with."""
    agent, tmp, outside = files / "agent", files / "tmp", files / "outside"
    return {
        "read": outcome((agent / "bot.py").read_text),
        "list": outcome(lambda: os.listdir(agent)),
        "write": outcome(partial((tmp / "new").write_text, "x")),
        "grow and shrink": outcome(lambda: os.truncate(tmp / "old", 2)),
        "make a folder": outcome((tmp / "inner").mkdir),
        "move": outcome(lambda: (tmp / "new").rename(tmp / "moved")),
        "remove": outcome((tmp / "moved").unlink),
        "throw away": outcome(partial(Path("/dev/null").write_text, "x")),
        "change the agent": outcome(lambda: (agent / "bot.py").write_text("x")),
        "add to the agent": outcome((agent / "__pycache__").mkdir),
        "remove the agent": outcome((agent / "bot.py").unlink),
        "move the agent": outcome(lambda: (agent / "bot.py").rename(tmp / "bot.py")),
        "read outside": outcome((outside / "secret").read_text),
        "read by a link": outcome(lambda: os.link(outside / "secret", tmp / "link")),
        "read by climbing": outcome(
            lambda: os.open("../outside/secret", os.O_RDONLY, dir_fd=os.open(tmp, os.O_RDONLY))
        ),
        "list outside": outcome(lambda: os.listdir(outside)),
        "list the root": outcome(lambda: os.listdir("/")),
        "write outside": outcome(lambda: (outside / "new").write_text("x")),
        "remove outside": outcome((outside / "secret").unlink),
        "read the system": outcome(Path("/etc/passwd").read_text),
        "read processes": outcome(Path("/proc/self/environ").read_text),
        "make a socket": outcome(lambda: socket.socket(socket.AF_UNIX).bind(str(tmp / "socket"))),
        "make a pipe": outcome(lambda: os.mkfifo(tmp / "pipe")),
        "execute": outcome(lambda: subprocess.run(["/bin/true"], check=True)),
    }


ALLOWED = ["read", "list", "write", "grow and shrink", "make a folder", "move", "remove", "throw away"]


def wrong(seen):
    """Return what ended otherwise than it should."""
    return {
        name: end
        for name, end in seen.items()
        if (end == "done") != (name in ALLOWED) or end not in {"done", "EACCES", "EXDEV"}
    }


@AS_EVERYBODY
def test_only_what_was_left_can_be_reached(files, ordinary):
    seen = left(files, lambda: attempts(files), ordinary=ordinary)
    assert wrong(seen) == {}
    assert (files / "outside" / "secret").read_text() == "text"


@AT_EVERY_VERSION
def test_older_kernels_keep_files_too(files, version, monkeypatch):
    monkeypatch.setattr(landlock, "abi", lambda: version)
    assert wrong(left(files, lambda: attempts(files))) == {}


def test_without_landlock_all_of_it_works(files):
    """So that the tests above can fail."""
    seen = in_child(lambda: attempts(files), ordinary=False)
    assert {
        name: seen[name] for name in ("read outside", "list outside", "change the agent", "read the system", "execute")
    } == dict.fromkeys(("read outside", "list outside", "change the agent", "read the system", "execute"), "done")


def test_it_works_below_the_filter_of_a_default_container_and_with_ours(files):
    def body():
        seccomp.install(seccomp.filter_program(level="landlock", kind="python", processes=1))
        return attempts(files)

    seen = left(files, body, before=lambda: seccomp.enforce(of_a_container()))
    refused_by_the_filter = {"grow and shrink", "read by a link", "make a socket", "make a pipe", "execute"}
    assert {name for name, end in seen.items() if end == "EPERM"} == refused_by_the_filter
    assert wrong({name: end for name, end in seen.items() if name not in refused_by_the_filter}) == {}


@AT_EVERY_VERSION
def test_every_right_over_files_of_each_version_is_handled(version):
    # The number of rights that linux/landlock.h has had since each version.
    known = {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)
    assert landlock.handled_rights(version) == (1 << known) - 1


@pytest.mark.skipif(landlock.abi() < 4, reason="needs version 4")
def test_tcp_is_cut_where_the_kernel_can(files):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def body():
            return [
                outcome(lambda: socket.socket().connect(("127.0.0.1", port))),
                outcome(lambda: socket.socket().bind(("127.0.0.1", 0))),
            ]

        assert left(files, body) == ["EACCES", "EACCES"]


@pytest.mark.skipif(landlock.abi() < 6, reason="needs version 6")
def test_signals_and_abstract_sockets_stay_inside_where_the_kernel_can(files):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0evalengine-test-{os.getpid()}")
        server.listen()
        name, parent = server.getsockname(), os.getpid()

        def body():
            return [outcome(lambda: os.kill(parent, 0)), outcome(lambda: socket.socket(socket.AF_UNIX).connect(name))]

        assert left(files, body, ordinary=False) == ["EPERM", "EPERM"]


def test_programs_named_can_be_executed_and_no_others(files):
    system = [path for path in ("/usr/lib", "/lib", "/lib64", "/usr/lib64", "/bin/true") if os.path.exists(path)]

    def body():
        return [outcome(partial(subprocess.run, [name], check=True, cwd="/")) for name in ("/bin/true", "/bin/false")]

    assert left(files, body, executable=system, ordinary=False) == ["done", "EACCES"]


def test_a_path_that_is_not_there_is_named(files):
    def body():
        with pytest.raises(FileNotFoundError, match="no Landlock rule for '/nowhere': No such file or directory"):
            landlock.restrict(readable=["/nowhere"], writable=[], executable=[])
        return os.listdir("/") != []  # and nothing is restricted

    assert in_child(body)


def test_a_kernel_without_it_is_said_so(monkeypatch):
    monkeypatch.setattr(landlock, "abi", lambda: 0)
    with pytest.raises(
        OSError, match=r"Landlock is missing: it needs Linux 5\.13 or newer with landlock in its list of security"
    ):
        landlock.restrict(readable=[], writable=[], executable=[])
