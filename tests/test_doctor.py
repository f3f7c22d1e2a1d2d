"""`evalengine doctor --attack` and `doctor AGENT`: real attacks and real agents, through the command line."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commandline import CRASHING, FIRST, process
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


def doctor(*arguments, cwd):
    """Return the exit code, and what was found by what was tried."""
    done = process("doctor", *arguments, "--format", "json", cwd=cwd)
    assert done.stdout, done.stderr
    return done.returncode, {item["what"]: (item["works"], item["told"]) for item in json.loads(done.stdout)}


def checked(tmp_path, source, *arguments):
    (tmp_path / "agent.py").write_text(source)
    return doctor("agent.py", "--sandbox", "none", *arguments, cwd=tmp_path)


# ------------------------------------------------------------------------------------------ attacks


@LINUX
@pytest.mark.parametrize("level", ["namespaces", "landlock"])
def test_a_sandbox_holds_all_ten_attacks(tmp_path, level):
    level_or_skip(level)
    code, found = doctor("--attack", "--sandbox", level, cwd=tmp_path)
    assert list(found) == NAMES
    assert {name: told for name, (held, told) in found.items() if not held} == {}
    assert code == 0


@LINUX
def test_without_a_sandbox_the_attacks_have_success(tmp_path):
    code, found = doctor("--attack", "--sandbox", "none", cwd=tmp_path)
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
def test_attacks_are_told_line_by_line_with_the_level(tmp_path):
    done = process("doctor", "--attack", "--sandbox", "none", cwd=tmp_path)
    assert "sandbox: none" in done.stderr
    lines = done.stdout.splitlines()[1:]
    assert [line.split()[0] in {"held", "ESCAPED"} for line in lines] == [True] * 10
    assert "ESCAPED  network" in done.stdout


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
def test_what_cannot_be_tried_is_refused_in_one_line(tmp_path, arguments, told):
    done = process("doctor", *arguments, cwd=tmp_path)
    assert done.returncode in {4, 5}
    assert told in done.stderr
    assert "Traceback" not in done.stderr


# ------------------------------------------------------------------------------------------ one agent


@LINUX
def test_a_good_agent_passes_at_the_level_of_a_run(tmp_path):
    level_or_skip("namespaces")
    (tmp_path / "agent.py").write_text("print('loaded')\n" + FIRST)
    code, found = doctor("agent.py", cwd=tmp_path)
    assert code == 0, found
    assert list(found) == ["loads", "starts", "answers", "time", "limits", "log", "repeats"]
    assert "the limit is 10 s" in found["starts"][1]
    assert "median" in found["time"][1]
    assert "the limit is 512 MiB" in found["limits"][1]
    assert "not known" not in found["limits"][1]
    assert "loaded" in found["log"][1]


@LINUX
def test_the_time_to_start_and_to_answer_is_the_agents(tmp_path):
    slow = (
        "import time\ntime.sleep(0.2)\ndef act(observation):\n    time.sleep(0.02)\n    return observation.legal[0]\n"
    )
    code, found = checked(tmp_path, slow, "--games", "tictactoe")
    assert code == 0
    assert float(found["starts"][1].split()[1]) >= 190
    assert float(found["time"][1].split()[1]) >= 19


@LINUX
def test_memory_at_its_peak_is_told_though_it_was_given_back(tmp_path):
    source = "x = b'x' * (100 << 20)\ndel x\n" + FIRST
    _, found = checked(tmp_path, source, "--games", "tictactoe")
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
def test_what_fails_is_told_where_it_fails_with_a_remedy(tmp_path, source, what, told):
    code, found = checked(tmp_path, source, "--games", "tictactoe")
    assert code == 1
    assert [name for name, (works, _) in found.items() if not works] == [what]
    assert told in found[what][1]


@LINUX
@pytest.mark.slow
def test_a_hanging_agent_fails_by_its_limit(tmp_path):
    code, found = checked(tmp_path, "def act(observation):\n    while True: pass\n")
    assert code == 1
    assert found["limits"][0] is False
    assert "timeout: 2.00 s a turn exceeded" in found["limits"][1]
    assert "--turn-s" in found["limits"][1]


def test_a_bundled_agent_plays_the_first_game_that_it_fits(tmp_path):
    code, found = doctor("tit-for-tat", cwd=tmp_path)
    assert code == 0
    assert "prisoners_dilemma" in found["answers"][1]


def test_an_agent_that_is_not_there_fails(tmp_path):
    code, found = doctor("./missing.py", cwd=tmp_path)
    assert code == 1
    assert found["loads"][0] is False


@LINUX
def test_a_game_of_four_and_a_program_are_checked_too(tmp_path):
    code, found = checked(tmp_path, FIRST, "--games", "tron(seats=4)")
    assert code == 0
    assert "tron(seats=4)" in found["answers"][1]
    code, found = doctor(f"plain:sh {SHELL_AGENT}", "--sandbox", "none", cwd=tmp_path)
    assert code == 0, found
    assert "a program that speaks plain" in found["loads"][1]


def test_an_agent_behind_a_network_is_sent_to_its_server_and_not_to_a_log(tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens there
        code, found = doctor(f"http://127.0.0.1:{closed.getsockname()[1]}/", "--games", "tictactoe", cwd=tmp_path)
    assert code == 1
    works, told = found["answers"]
    assert not works
    assert told.startswith("crash: no connection")
    assert told.endswith("Ask its server by hand, with the same key if it needs one")
