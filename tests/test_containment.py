"""Contained agents: what they see, what they may do, and what is left of them. Each test has real processes."""

import os
import signal
import time
from pathlib import Path
from textwrap import dedent

import pytest
from runs import parent, until

from evalengine import Limits, MatchSpec, SandboxError, sandboxes, visible
from evalengine.model import AgentSpec, Containment
from evalengine.plugins import Plugins
from evalengine.processes import Zygote
from evalengine.worker import Orders, Worker

PLUGINS = Plugins()
LEVELS = {sandbox.name: sandbox for sandbox in sandboxes.listed(PLUGINS)}
PROBES = {name: sandboxes.tried(sandbox) for name, sandbox in LEVELS.items()}
SEED = 1 << 50


def level_or_skip(name):
    if not PROBES[name].works:
        pytest.skip(f"{name}: {PROBES[name].told}")
    return sandboxes.containment(name, PLUGINS, ())


@pytest.fixture(params=LEVELS)
def level(request):
    return level_or_skip(request.param)


@pytest.fixture
def namespaces():
    return level_or_skip("namespaces")


class Table:
    """A worker that plays contained matches of agents in seat 0 against the bundled `first`."""

    def __init__(self, folder, containment):
        self.folder = folder
        self.containment = containment

    def play(self, source, matches=1, argv=(), **limits):
        """Return the results of matches of an agent of this source, or of a program."""
        home = self.folder / "agent"
        home.mkdir(exist_ok=True, parents=True)
        (home / "agent.py").write_text(dedent(source))
        kind = {"kind": "program", "argv": tuple(argv)} if argv else {"kind": "python", "entry": "agent.py"}
        spec = AgentSpec(name="bot", path=str(home), **kind)
        first = PLUGINS.agents()["first"]
        worker = Worker(
            Orders(
                games=((PLUGINS.games()["tictactoe"], {}),),
                agents=(spec, first),
                limits=Limits(**limits),
                containment=self.containment,
            )
        )
        try:
            return [worker.play(MatchSpec(number, 0, 0, SEED, (0, 1))) for number in range(matches)]
        finally:
            worker.close()

    def says(self, source, **limits):
        """Return what an agent of this source prints, once it has played without a fault."""
        (played,) = self.play(source, **limits)
        assert not played.error, played.error
        assert not played.faults, (played.faults, played.logs)
        return log_of(played)


def log_of(played, stream="stdout"):
    return {(seat, name): text for seat, name, text in played.logs}.get((0, stream), "")


@pytest.fixture
def table(tmp_path, level):
    return Table(open_folder(tmp_path), level)


@pytest.fixture
def inner(tmp_path, namespaces):
    return Table(open_folder(tmp_path), namespaces)


def open_folder(path):
    path.chmod(0o755)
    return path


PLAYS = "\ndef act(observation): return observation.legal[0]\n"


def tried(expression):
    """Return an agent that prints "no" and why when an expression raises an OSError, else its value."""
    lines = ["import os, socket, subprocess, threading", "try:", f"    print({expression})"]
    return "\n".join([*lines, "except OSError as error:", "    print('no', type(error).__name__)", PLAYS])


# --------------------------------------------------------------------------------- what it cannot


@pytest.mark.parametrize(
    "expression",
    [
        "open({secret!r}).read()",
        "os.listdir({folder!r})",
        "open({folder!r} + '/new', 'w')",
        "open('/agent/new', 'w')",
        "open(__file__, 'a')",
        "open('/proc/self/environ').read()",
        "os.listdir('/proc')",
        "open('/etc/passwd').read()",
        "socket.socket()",
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
        "subprocess.run(['/bin/true'])",
        "os.kill({pid}, 0)",
        "os.kill(-1, 0)",
        "os.setuid(0)",
        "os.mkfifo('/tmp/x')",
        "os.chroot('/')",
    ],
)
def test_an_agent_reaches_nothing_outside(table, tmp_path, expression):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("SECRET")
    filled = expression.format(secret=str(outside / "secret"), folder=str(outside), pid=os.getpid())
    told = table.says(tried(filled))
    assert told.startswith("no "), told
    assert [path.name for path in outside.iterdir()] == ["secret"]


def test_an_agent_sees_its_own_things_only(inner, monkeypatch):
    monkeypatch.setenv("API_KEY", "SECRET")
    told = inner.says(
        "import os, sys\nprint(os.getpid(), os.getcwd(), os.uname().nodename, sorted(os.environ))\n"
        "print(os.listdir('/'))" + PLAYS
    )
    ours, root = told.splitlines()
    assert ours.startswith("1 /agent agent ")
    assert "API_KEY" not in ours
    assert "HOME" in ours
    shown = visible.listed(visible.of_python(), (), ())
    tops = {Path(path).parts[1] for path in [*shown["files"], *shown["links"]]}
    assert {"agent", "dev", "tmp"} <= set(eval(root)) <= {".waiting", "agent", "dev", "tmp", *tops}


def test_an_agent_may_use_the_standard_library_packages_and_its_folder(table):
    source = """
        import sqlite3, ssl, ctypes, random, tempfile, threading, decimal
        import msgpack
        thread = threading.Thread(target=print, args=("thread",))
        thread.start(); thread.join()
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x" * 1000)
        print(open(__file__).read().count("sqlite3"))
        def act(observation): return observation.legal[0]
    """
    assert table.says(source) == "thread\n2\n"


def test_a_bound_folder_is_read_and_not_written(tmp_path, namespaces):
    shown = open_folder(tmp_path) / "shown"
    shown.mkdir()
    (shown / "table").write_text("TABLE")
    containment = namespaces._replace(folders=(str(shown),))
    told = Table(tmp_path, containment).says(tried(f"open({str(shown / 'table')!r}).read()"))
    assert told == "TABLE\n"
    assert Table(tmp_path, containment).says(tried(f"open({str(shown / 'new')!r}, 'w')")).startswith("no ")


# ----------------------------------------------------------------------------------- fresh state


def test_nothing_is_kept_from_match_to_match(table):
    source = """
        import os
        place = os.environ["TMPDIR"] + "/kept"
        print(os.path.exists(place))
        open(place, "w").write("x")
        import random
        random.kept = True
        def act(observation): return observation.legal[0]
    """
    played = table.play(source, matches=3)
    assert [log_of(one) for one in played] == ["False\n"] * 3
    assert not any(one.faults or one.error for one in played)


def test_a_match_of_one_seed_is_one_match(table):
    source = "print([id(object()), hash('x'), {object() for _ in range(3)}])\nimport random\nprint(random.random())"
    played = table.play(source + PLAYS, matches=4)
    assert len({log_of(one) for one in played}) == 1, [log_of(one) for one in played]


# ---------------------------------------------------------------------------------------- limits


def fault_of(played):
    assert not played.error, played.error
    ((_, seat, fault),) = played.faults
    assert seat == 0
    return fault


@pytest.mark.parametrize("body", ["kept.append(bytearray(1 << 20))", "kept.append([0] * 10000)"])
def test_memory_is_bounded(table, body):
    (played,) = table.play(f"kept = []\ndef act(observation):\n    while True: {body}\n", memory_mib=96)
    fault = fault_of(played)
    assert fault.kind == "memory"
    assert fault.detail.startswith("MemoryError (agent.py:3)")


def test_the_private_folder_is_bounded(table):
    source = """
        import os, time
        def act(observation):
            for number in range(10_000):
                with open(os.environ["TMPDIR"] + f"/{number}", "wb") as file:
                    file.write(b"x" * (1 << 20))
            time.sleep(60)
    """
    (played,) = table.play(source, tmp_mib=4, turn_s=20.0)
    assert fault_of(played).kind == "disk"


def test_memory_of_several_processes_is_watched(inner):
    source = """
        import os, time
        def act(observation):
            for _ in range(4):
                if os.fork() == 0:
                    kept = bytearray(b"x") * (40 << 20)
                    time.sleep(60)
            time.sleep(60)
    """
    (played,) = inner.play(source, processes=8, memory_mib=96, turn_s=20.0)
    fault = fault_of(played)
    assert (fault.kind, "in all its processes" in fault.detail) == ("memory", True)


def test_the_log_is_bounded(table):
    (played,) = table.play("for _ in range(100): print('A' * 100_000)" + PLAYS, log_kib=8)
    assert not played.faults
    assert len(log_of(played)) == 8 << 10


# --------------------------------------------------------------------------------------- the end


def alive(pids):
    return {pid for pid in pids if Path(f"/proc/{pid}").exists() and state_of(pid) not in "ZX"}


def state_of(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def below(pid):
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*"):
            try:
                found += map(int, (task / "children").read_text().split())
            except OSError:
                continue
    return set(found[1:])


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "time.sleep(60)",
        "os._exit(3)",
        "os.kill(os.getpid(), signal.SIGSTOP); time.sleep(60)",
        "os.closerange(0, 100); time.sleep(60)",
        "os.fork(); time.sleep(60)",
    ],
)
def test_whatever_an_agent_does_its_slot_is_free_and_nothing_is_left(inner, body):
    before = below(os.getpid())
    source = f"import os, signal, time\ndef act(observation):\n    {body}\n"
    began = time.monotonic()
    played = inner.play(source, matches=2, turn_s=0.3, processes=4)
    assert time.monotonic() - began < 20.0
    assert all(one.faults for one in played), played
    until(lambda: not alive(below(os.getpid()) - before), 5.0)


def test_a_warden_that_is_killed_is_replaced(tmp_path, level):
    folder = open_folder(tmp_path)
    zygote = Zygote(level)
    try:
        zygote.rehearse(str(folder))
        (warden,) = [pid for pid in below(zygote._process.pid) if parent(pid) == zygote._process.pid]
        os.kill(warden, signal.SIGKILL)
        until(lambda: not alive({warden}))
        job = {"kind": "python", "folder": str(folder), "argv": [], "processes": 1, "info": {"seat": 0}}
        first = zygote._wardens.of(job)
        assert first.spawn(b"S", []) is None
        assert zygote._wardens.of(job) is not first
    finally:
        zygote.close()


# -------------------------------------------------------------------------------------- programs


def test_a_program_is_executed_once_and_sees_what_it_needs(table):
    source = """
        import json, os, subprocess, sys
        for name in ("/etc/passwd", "/proc/self/environ"):
            try: print(open(name).read(), file=sys.stderr)
            except OSError: print("no", file=sys.stderr)
        try: subprocess.run(["/bin/true"])
        except OSError as error: print("no", file=sys.stderr)
        for line in sys.stdin:
            message = json.loads(line)
            if message["type"] == "act": print(message["legal"][0], flush=True)
    """
    path = str(table.folder / "agent" / "agent.py")
    (played,) = table.play(source, argv=("/usr/bin/python3", path))
    assert not played.faults, (played.faults, played.logs)
    assert log_of(played, "stderr") == "no\n" * 3


# ------------------------------------------------------------------------------------- the choice


def test_a_module_that_cannot_contain_is_told_as_a_refusal(tmp_path):
    zygote = Zygote(Containment("broken", "evalengine_host.missing", {}))
    with pytest.raises(SandboxError, match="died"):
        zygote.rehearse(str(tmp_path))
    zygote.close()


def test_memory_that_hides_from_the_kernels_limit_is_seen(table):
    source = """
        import ctypes, mmap, time
        libc = ctypes.CDLL(None)
        libc.mmap.restype = ctypes.c_void_p
        def act(observation):
            for _ in range(40):
                size = 32 << 20
                place = libc.mmap(None, ctypes.c_size_t(size), 3, 0x22, -1, ctypes.c_long(0))
                ctypes.memset(place, 1, size)
                libc.mprotect(ctypes.c_void_p(place), ctypes.c_size_t(size), 1)
                time.sleep(0.05)
            time.sleep(60)
    """
    (played,) = table.play(source, memory_mib=128, turn_s=20.0)
    assert fault_of(played).kind == "memory"


@pytest.mark.parametrize("start", ["os.fork()", "subprocess.run(['/bin/true'])", "Process(target=print).start()"])
def test_a_second_process_is_a_fault_of_its_own_kind(table, start):
    source = f"import os, subprocess\nfrom multiprocessing import Process\ndef act(observation):\n    {start}\n"
    (played,) = table.play(source)
    assert fault_of(played).kind == "processes"
