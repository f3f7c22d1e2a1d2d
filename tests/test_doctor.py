"""`evalengine doctor --attack` and `doctor AGENT`: real attacks and real agents, through the command line."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commandline import CRASHING, FIRST, Shell, process
from test_containment import level_or_skip

from evalengine import attacking

SHELL_AGENT = Path(__file__).parent.parent / "examples" / "shell" / "first.sh"
NAMES = [
    "read outside", "write outside", "network", "processes", "start program", "environment", "memory", "fork bomb",
    "keep", "frames and time",
]  # fmt: skip
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="agents from outside are played on Linux only")
ORPHAN = """import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(30)
    os._exit(0)
os.wait()
"""


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path, capsys)


def attacked(*arguments, cwd):
    """Return the exit code, and what was found by what was tried."""
    done = process("doctor", "--attack", *arguments, "--format", "json", cwd=cwd)
    assert done.stdout, done.stderr
    return done.returncode, _found(done.stdout)


def doctor(shell, *arguments):
    """Return the same, found in this process."""
    code = shell("doctor", *arguments, "--format", "json")
    assert shell.out, shell.err
    return code, _found(shell.out)


def _found(printed):
    return {item["what"]: (item["works"], item["told"]) for item in json.loads(printed)}


def checked(shell, source, *arguments):
    shell.file("agent.py", source)
    return doctor(shell, "agent.py", "--sandbox", "none", *arguments)


# ------------------------------------------------------------------------------------------ attacks


@LINUX
def test_namespaces_hold_all_ten_attacks(tmp_path):
    level_or_skip("namespaces")
    code, found = attacked("--sandbox", "namespaces", cwd=tmp_path)
    assert list(found) == NAMES
    assert {name: told for name, (held, told) in found.items() if not held} == {}
    assert code == 0


@LINUX
def test_landlock_holds_all_ten_attacks_which_are_told_line_by_line_with_the_level(tmp_path):
    level_or_skip("landlock")
    done = process("doctor", "--attack", "--sandbox", "landlock", cwd=tmp_path)
    assert done.returncode == 0
    assert "sandbox: landlock" in done.stderr
    lines = done.stdout.splitlines()[1:11]
    assert [line.startswith(f"held  {name}  ") for line, name in zip(lines, NAMES, strict=True)] == [True] * 10


@LINUX
def test_without_a_sandbox_the_attacks_have_success(tmp_path):
    code, found = attacked("--sandbox", "none", cwd=tmp_path)
    assert code == 1
    assert list(found) == NAMES
    escaped = {name: told for name, (held, told) in found.items() if not held}
    escaped.pop("fork bomb", None)  # an ordinary user may have a limit of processes of his own
    # What our protocol and clocks prevent needs no sandbox.
    assert escaped == {
        "read outside": "it learnt the secret",
        "write outside": "it made a file outside",
        "network": "it reached a listener: tcp, udp, unix, abstract",
        "processes": "it killed another process",
        "start program": "its program ran",
        "environment": "it learnt the secret",
        "memory": "no fault 'memory' ended it; its faults: none",
        "keep": "it found in a match what it left in the one before",
    }
    assert list(tmp_path.iterdir()) == []


@LINUX
def test_a_process_that_an_attack_leaves_is_counted_and_ended():
    with attacking._adopting():
        before = set(attacking.tasks.family(os.getpid()))
        subprocess.run([sys.executable, "-S", "-c", ORPHAN], check=True)
        assert len(attacking._living(before)) == 1
        began = time.monotonic()
        assert attacking._left(before) == 1
        assert time.monotonic() - began < 10
        assert attacking._living(before) == []


def test_the_attacks_are_those_in_the_package():
    files = {path.name for path in (Path(attacking.__file__).parent / "attacks").glob("*.py")}
    assert files == {attack.file for attack in attacking.ATTACKS}
    assert len(files) == 10


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--attack", "first"], "not both"),
        (["--games", "rps"], "name an agent"),
        (["--attack", "--sandbox", "nothing"], 'no sandbox "nothing"'),
        (["first", "--games", "nothing"], 'no game or tag "nothing"'),
        (["tit-for-tat", "--games", "rps"], "Name one with --games"),
    ],
)
def test_what_cannot_be_tried_is_refused_in_one_line(shell, arguments, told):
    assert shell("doctor", *arguments) in {4, 5}
    (line,) = shell.err.splitlines()
    assert told in line


# ------------------------------------------------------------------------------------------ one agent


@LINUX
def test_a_good_agent_passes_at_the_level_of_a_run(shell):
    level_or_skip("namespaces")
    shell.file("agent.py", "print('loaded')\n" + FIRST)
    code, found = doctor(shell, "agent.py")
    assert code == 0, found
    assert list(found) == ["loads", "starts", "answers", "time", "limits", "log", "repeats"]
    assert "the limit is 10 s" in found["starts"][1]
    assert "median" in found["time"][1]
    assert "the limit is 512 MiB" in found["limits"][1]
    assert "not known" not in found["limits"][1]
    assert "loaded" in found["log"][1]


@LINUX
def test_the_time_to_start_and_to_answer_is_the_agents(shell):
    slow = (
        "import time\ntime.sleep(0.2)\ndef act(observation):\n    time.sleep(0.02)\n    return observation.legal[0]\n"
    )
    code, found = checked(shell, slow, "--games", "tictactoe")
    assert code == 0
    assert float(found["starts"][1].split()[1]) >= 190
    assert float(found["time"][1].split()[1]) >= 19


@LINUX
def test_memory_at_its_peak_is_told_though_it_was_given_back(shell):
    source = "x = b'x' * (100 << 20)\ndel x\n" + FIRST
    _, found = checked(shell, source, "--games", "tictactoe")
    peak = int(found["limits"][1].partition("at its peak ")[2].split()[0])
    assert 100 <= peak < 400


@LINUX
@pytest.mark.parametrize(
    ("source", "what", "told"),
    [
        ("def act(observation:\n", "loads", "SyntaxError"),
        ("import nowhere\n" + FIRST, "starts", "No module named 'nowhere'"),
        (CRASHING, "answers", "line 3, in act"),
        ("def act(observation):\n    return 99\n", "answers", "illegal: 99"),
        (FIRST.replace("return", "x = bytearray(1 << 30); return"), "limits", "the limit is 512 MiB"),
        ("import os\ndef act(o):\n    return o.legal[os.urandom(1)[0] % len(o.legal)]\n", "repeats", "same seed"),
    ],
)
def test_what_fails_is_told_where_it_fails_with_a_remedy(shell, source, what, told):
    code, found = checked(shell, source, "--games", "tictactoe")
    assert code == 1
    assert [name for name, (works, _) in found.items() if not works] == [what]
    assert told in found[what][1]


@LINUX
@pytest.mark.slow
def test_a_hanging_agent_fails_by_its_limit(shell):
    code, found = checked(shell, "def act(observation):\n    while True: pass\n")
    assert code == 1
    assert found["limits"][0] is False
    assert "timeout: 2.00 s a turn exceeded" in found["limits"][1]
    assert "--turn-s" in found["limits"][1]


def test_a_bundled_agent_plays_the_first_game_that_it_fits(shell):
    code, found = doctor(shell, "tit-for-tat")
    assert code == 0
    assert "prisoners_dilemma" in found["answers"][1]


def test_an_agent_that_is_not_there_fails(shell):
    code, found = doctor(shell, "./missing.py")
    assert code == 1
    assert found["loads"][0] is False


@LINUX
def test_a_game_of_four_and_a_program_are_checked_too(shell):
    code, found = checked(shell, FIRST, "--games", "tron(seats=4)")
    assert code == 0
    assert "tron(seats=4)" in found["answers"][1]
    code, found = doctor(shell, f"plain:sh {SHELL_AGENT}", "--sandbox", "none")
    assert code == 0, found
    assert "a program that speaks plain" in found["loads"][1]


def test_an_agent_behind_a_network_is_sent_to_its_server_and_not_to_a_log(shell):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens there
        code, found = doctor(shell, f"http://127.0.0.1:{closed.getsockname()[1]}/", "--games", "tictactoe")
    assert code == 1
    works, told = found["answers"]
    assert not works
    assert told.startswith("crash: no connection")
    assert told.endswith("Ask its server by hand, with the same key if it needs one")
