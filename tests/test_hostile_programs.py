"""The corpus of hostile and honest programs under the filter, Landlock and limits, as at the level `landlock`.

What only the engine can judge (hanging, flooding, broken lines) is asked here no more than to say nothing of success.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
from contained import LINUX, NOBODY, ROOT, found

from evalengine import seeding
from evalengine_host import landlock, limits, seccomp

pytestmark = [LINUX, pytest.mark.skipif(not landlock.abi(), reason="this kernel has no Landlock")]
CORPUS = Path(__file__).parent / "corpus" / "programs"
ATTACKS = sorted((CORPUS / "attacks").glob("*.c"))
SCRIPTS = sorted(path for path in (CORPUS / "attacks").iterdir() if path.suffix in {".js", ".java"})
HONEST = sorted((CORPUS / "honest").iterdir())
NOT_PROMISED = {"stat_outside"}  # at this level, as the documentation says
UNCOUNTED = {"memory_uncounted"}  # contained by a limit of address space, which java and node cannot have
TURNS = [[3, 1, 2], [7, 9, 8]]
SYSTEM = [path for path in ("/usr", "/lib", "/lib64") if os.path.isdir(path)]
OF_JAVA = [str(path) for path in Path("/etc").glob("java-*")]  # it does not start without its settings
LIMIT_S = 20
HANGING = re.compile("longer than its limit|must end|does not end")  # in an attack's head: ended by us


def name_of(path):
    return path.name


@pytest.fixture(scope="module")
def binaries():
    """Return a folder of programs that everybody can execute; they are built when they are asked for."""
    with tempfile.TemporaryDirectory() as path:
        Path(path).chmod(0o755)
        yield Path(path)


def command(source, binaries):
    """Return the words that start a program of the corpus, built if need be."""
    if source.suffix == ".c":
        built = binaries / source.stem
        if not built.exists():
            compiler = shutil.which("gcc") or pytest.skip("no C compiler")
            subprocess.run([compiler, "-O1", "-w", "-pthread", "-o", built, source], check=True)
            built.chmod(0o755)
        return [str(built)]
    copy = binaries / source.name
    shutil.copy(source, copy)
    copy.chmod(0o644)
    return [found("node"), str(copy)] if source.suffix == ".js" else [found("java"), "-Xmx128m", str(copy)]


class Outside:
    """What a program should not reach: files, sockets and a process."""

    def __init__(self, folder):
        self.folder = folder
        for name in (".", "outside", "write", "tmp"):
            (folder / name).mkdir(exist_ok=True)
            (folder / name).chmod(0o777)
        for name in ("outside/secret", "meta"):
            (folder / name).write_text("untouched")
            (folder / name).chmod(0o666)
        self.victim = subprocess.Popen(["/bin/sleep", "600"], start_new_session=True, user=NOBODY if ROOT else None)
        inet = socket.SOCK_STREAM, socket.SOCK_DGRAM
        self.sockets = [socket.socket(socket.AF_INET, kind) for kind in inet]
        for one in self.sockets:
            one.bind(("127.0.0.1", 0))
        run = os.urandom(4).hex()
        self.sockets += [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(2)]
        self.sockets[2].bind(str(folder / "socket"))
        (folder / "socket").chmod(0o777)
        self.sockets[3].bind(f"\0ee{run}")
        for one in self.sockets:
            if one.type == socket.SOCK_STREAM:
                one.listen()
        tcp, udp = (one.getsockname()[1] for one in self.sockets[:2])
        self.targets = {
            "canary_file": str(folder / "outside" / "secret"),
            "write_dir": str(folder / "write"),
            "meta_file": str(folder / "meta"),
            "victim": self.victim.pid,
            "victim_addr": 4096,
            "tcp": tcp,
            "udp": udp,
            "unix": str(folder / "socket"),
            "abstract": f"ee{run}",
            "run": run,
        }
        self.before = self.state()

    def state(self):
        meta = (self.folder / "meta").stat()
        limits_of_victim = Path(f"/proc/{self.victim.pid}/limits").read_text()
        return {
            "files": sorted(path.name for path in (self.folder / "write").iterdir()),
            "meta": (meta.st_mode, meta.st_mtime_ns, meta.st_size),
            "victim": (self.victim.poll(), limits_of_victim, os.sched_getaffinity(self.victim.pid)),
        }

    def close(self):
        self.victim.kill()
        self.victim.wait()
        for one in self.sockets:
            one.close()


@pytest.fixture
def outside():
    with tempfile.TemporaryDirectory() as path, contextlib.closing(Outside(Path(path))) as made:
        yield made


def told(targets, own_seed=12345):
    """Return what a program is told of a match, the turns of TURNS included."""
    start = {"type": "start", "game": "picks", "config": {}, "seat": 0, "seats": 2, "seed": own_seed, "turn_s": 2}
    turns = [{"type": "act", "turn": turn, "seat": 0, "legal": legal, "view": None} for turn, legal in enumerate(TURNS)]
    messages = [start, *turns, {"type": "end", "scores": [0, 1], "places": [2, 1]}]
    return "".join(json.dumps(message, separators=(",", ":")) + "\n" for message in messages)


def played(argv, outside, *, contained=True, address_space_mib=0, lines=None, limit_s=LIMIT_S):
    """Run a program for one match; return its last lines of standard output and of standard error."""
    path = outside.folder / "targets.json"
    path.write_text(json.dumps(outside.targets))
    path.chmod(0o644)
    argv = [*argv, str(path)]
    tmp = outside.folder / "tmp"
    program = seccomp.filter_program(level="landlock", kind="program", processes=1)
    environment = {"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp), "HOME": str(tmp), "OPENSSL_CONF": "/dev/null"}

    def contain():
        os.setsid()
        os.chdir(tmp)
        limits.restrict(
            data_mib=512,
            address_space_mib=address_space_mib,
            file_mib=8,
            stack_mib=8,
            open_files=64,
            tasks=100,
            cpu_s=20,
        )
        limits.drop_privileges(NOBODY if ROOT else os.getuid(), NOBODY if ROOT else os.getgid())
        folders = os.path.dirname(argv[0]), os.path.dirname(argv[-2])
        landlock.restrict(
            readable=[str(path), *OF_JAVA, *{folder for folder in folders if folder.startswith(tempfile.gettempdir())}],
            writable=[str(tmp), "/dev/null"],
            executable=[*SYSTEM, *([argv[0]] if argv[0].startswith(tempfile.gettempdir()) else [])],
        )
        seccomp.execute(seccomp.install(program), argv[0], argv, environment)

    process = subprocess.Popen(
        argv,
        preexec_fn=contain if contained else os.setsid,  # noqa: PLW1509 - our threads have ended by then
        cwd=None if contained else tmp,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    return _talked(process, lines or told(outside.targets), limit_s)


def _talked(process, lines, limit_s):
    """Say `lines`, keep the beginning of what comes back, and end the program with its group after `limit_s`."""
    kept = [b"", b""]

    def keep(place, pipe):
        for block in iter(lambda: pipe.read1(1 << 16), b""):
            kept[place] = (kept[place] + block)[:65536]

    readers = [threading.Thread(target=keep, args=item) for item in enumerate((process.stdout, process.stderr))]
    for reader in readers:
        reader.start()
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(lines.encode())
        process.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(limit_s)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for reader in readers:
        reader.join()
    process.stdout.close()
    process.stderr.close()
    return [part.decode(errors="replace") for part in kept]


# ----------------------------------------------------------------------------------- the corpus


@pytest.mark.parametrize("source", [*ATTACKS, *SCRIPTS], ids=name_of)
def test_every_attack_says_what_it_tries_and_how_success_is_told(source):
    head = source.read_text()[:800]
    assert re.match(r"(/\*|//) Tries: .+\.\n *(\*|//) .*", head), source
    assert "Told by: " in head


@pytest.mark.parametrize("source", ATTACKS, ids=name_of)
def test_hostile_programs_in_c_are_contained(source, binaries, outside):
    address_space_mib = 900 if source.stem in UNCOUNTED else 0
    limit_s = 0.5 if HANGING.search(source.read_text()) else LIMIT_S
    _, log = played(command(source, binaries), outside, address_space_mib=address_space_mib, limit_s=limit_s)
    escaped = re.findall(r"^ESCAPED: .*", log, re.MULTILINE)
    assert escaped == [] or source.stem in NOT_PROMISED, log
    assert outside.state() == outside.before


@pytest.mark.parametrize("source", SCRIPTS, ids=name_of)
@pytest.mark.slow
def test_hostile_programs_in_javascript_and_java_are_contained(source, binaries, outside):
    _, log = played(command(source, binaries), outside, limit_s=3)
    assert "ESCAPED" not in log
    assert outside.state() == outside.before


HARMLESS = [path for path in ATTACKS if "Alone: escapes" in path.read_text()]


@pytest.mark.parametrize("source", HARMLESS, ids=name_of)
def test_alone_they_escape(source, binaries, outside):
    """So that the tests above can fail."""
    _, log = played(command(source, binaries), outside, contained=False)
    assert "ESCAPED: " in log


@pytest.mark.parametrize("source", HONEST, ids=name_of)
def test_honest_programs_play(source, binaries, outside):
    answers, log = played(command(source, binaries), outside)
    assert [json.loads(line) for line in answers.splitlines()] == [max(legal) for legal in TURNS], log


def test_a_short_seed_is_found_and_a_long_one_is_not(binaries, outside):
    """The attack is sound: it knows how the engine derives seeds."""
    source = CORPUS / "attacks" / "seed_guess.c"
    outside.targets |= {"game_ref": "picks", "version": "0123abcd"}

    def guessed(run_seed):
        own = seeding.derive(seeding.derive(run_seed, "picks", 1), "agent", 0, "0123abcd")
        return played(command(source, binaries), outside, lines=told(outside.targets, own))[1]

    assert "ESCAPED: the run's seed is 4711" in guessed(4711)
    assert "ESCAPED" not in guessed(seeding.fresh_seed() | 1 << 62)


def test_one_match_leaves_nothing_for_the_next_but_in_its_own_folder(binaries, outside):
    argv = command(CORPUS / "attacks" / "persist.c", binaries)
    played(argv, outside)
    for path in (outside.folder / "tmp").iterdir():
        path.unlink()  # what it may write is given anew to each match
    assert "ESCAPED" not in played(argv, outside)[1]
