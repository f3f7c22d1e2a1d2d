"""The authors' kit as its users call it: check, certify, new, and the pytest classes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import CRASHING, FIRST, Shell, process

from evalengine.testing import AgentContract, GameContract
from evalengine.testing.checking import ordered

BROKEN = Path(__file__).parent / "broken"
NIM = Path(__file__).parent.parent / "docs" / "examples"


@pytest.fixture
def shell(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return Shell(tmp_path, capsys)


def pytested(folder, *arguments):
    """Run plain pytest in a folder of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# ------------------------------------------------------------------------------------ contracts


class TestTicTacToe(GameContract):
    game = "tictactoe"
    rule_s = 0.05


class TestSmallHex(GameContract):
    game = "hex(size=3)"
    rule_s = 0.05


class TestRandom(AgentContract):
    agent = "random"
    games = "tictactoe"


def test_every_rule_is_a_test_of_the_contract_and_says_what_it_holds():
    for rule in ordered():
        method = getattr(GameContract, f"test_{rule.name}")
        assert method.__doc__ == rule.doc
        assert rule.doc.endswith(".")


def test_a_broken_game_fails_one_test_with_rule_seed_call_and_remedy(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "from evalengine.testing import GameContract\n"
        f"class TestIt(GameContract):\n    game = {str(BROKEN / 'broken_scores_nan.py')!r}\n"
    )
    done = pytested(tmp_path)
    assert done.returncode == 1
    told = re.search(
        r"^scores: seed \d+, scores\(\) in turn \d+: it returned .*nan.*\. Return .+$", done.stdout, re.MULTILINE
    )
    assert told, done.stdout
    assert "Traceback" not in done.stdout


def test_a_broken_agent_fails_with_what_to_do(tmp_path):
    (tmp_path / "bot.py").write_text(CRASHING)
    (tmp_path / "test_it.py").write_text(
        "from evalengine.testing import AgentContract\n"
        'class TestIt(AgentContract):\n    agent = "bot.py"\n    games = "tictactoe"\n'
    )
    done = pytested(tmp_path)
    assert done.returncode == 1
    assert "answers: crash: ValueError: lost" in done.stdout
    assert "Repair what the traceback names" in done.stdout


# ---------------------------------------------------------------------------------------- check


def test_check_prints_a_line_a_rule(shell):
    assert shell("check", "tictactoe") == 0
    head, *lines, last = shell.out.splitlines()
    assert head == "tictactoe 1, seed 1"
    assert [line.split()[:2] for line in lines] == [["ok", rule.name] for rule in ordered()]
    assert re.fullmatch(rf"{len(lines)} rules hold, 0 broken, in \d+\.\d s", last)


def test_check_names_the_rule_the_seed_the_call_and_what_to_do(shell):
    assert shell("check", BROKEN / "broken_legal_at_end.py") == 1
    (line,) = [line for line in shell.out.splitlines() if line.startswith("FAIL")]
    assert re.fullmatch(
        r"FAIL  over +seed \d+, legal\(0\) in turn \d+: the match is over, and legal\(0\) still returns \[1\]"
        r"\. Return nothing when nobody is to move",
        line,
    )


def test_what_check_names_is_found_again_under_the_same_seed(shell):
    found = []
    for _ in range(2):
        assert shell("check", BROKEN / "broken_scores_sum.py", "--format", "json", "--seed", 7) == 1
        found.append([rule for rule in json.loads(shell.out)[0]["rules"] if rule["outcome"] == "failed"])
    assert found[0] == found[1]
    assert found[0][0].keys() == {"rule", "outcome", "told", "seed", "call", "remedy"}


def test_check_takes_an_agent(shell):
    shell.file("bot.py", FIRST)
    assert shell("check", "bot.py", "--games", "tictactoe") == 0
    assert "ok    repeats" in shell.out
    shell.file("bad.py", CRASHING)
    assert shell("check", "bad.py", "--games", "tictactoe", "--format", "json") == 1
    (record,) = json.loads(shell.out)
    assert [rule["rule"] for rule in record["rules"] if rule["outcome"] == "failed"] == ["answers"]


def test_check_without_anything_here_says_what_to_do(shell):
    assert shell("check") == 4
    assert "evalengine new game NAME" in shell.err


@pytest.mark.parametrize("wrong", ["tictactoee", "./nowhere", "nowhere.py", "tictactoe(size=3)"])
def test_check_of_what_is_not_there_is_one_line(shell, wrong):
    assert shell("check", wrong) == 4
    assert len(shell.err.strip().splitlines()) == 1


def test_a_game_that_cannot_be_imported_is_a_failure_and_no_traceback(shell):
    shell.file("nothing.py", (BROKEN / "broken_tags.py").read_text().replace("from pile import", "from nopile import"))
    assert shell("check", "nothing.py") == 4
    assert "No module named 'nopile'" in shell.err


# -------------------------------------------------------------------------------------- certify


@pytest.mark.slow
def test_a_certificate_says_what_was_tried_and_is_verified(shell):
    shell.file("nim.py", (NIM / "nim.py").read_text())
    assert shell("certify", "nim.py", "--seconds", 3, "--seed", 5) == 0, shell.out + shell.err
    assert "was killed (SIGKILL)" in shell.out
    record = json.loads((shell.folder / "certificate.json").read_text())
    assert record["passed"]
    assert record["seed"] == 5
    assert record["game"] == {"name": "nim", "version": "1", "config": {}}
    assert record["package"]["files"] == 1
    assert {"matches", "fuzz", "resume", "figures"} <= {rule["rule"] for rule in record["rules"]}
    assert 0 < record["figures"]["run_matches_when_killed"] < record["figures"]["run_matches"]
    assert record["figures"]["hostile_actions"] > 100
    assert shell("certify", "nim.py", "--verify", "certificate.json") == 0
    # Another rule: the files, and with them the matches.
    shell.file("nim.py", (NIM / "nim.py").read_text().replace("Heap(21, 0)", "Heap(20, 0)"))
    done = process("certify", "nim.py", "--verify", "certificate.json", cwd=shell.folder)
    assert done.returncode == 1
    failed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert failed == ["files", "replay"]


def test_a_certificate_that_was_changed_does_not_hold(shell):
    assert shell("certify", "tictactoe", "--seconds", 1) == 0
    path = shell.folder / "certificate.json"
    path.write_text(path.read_text().replace('"certificate": 1', '"certificate": 1, "by": "me"'))
    assert shell("certify", "--verify", path) == 1
    assert re.search(r"^FAIL  whole", shell.out, re.MULTILINE)


def test_a_broken_game_is_not_certified(shell):
    assert shell("certify", BROKEN / "broken_refuse_loose.py", "--seconds", 1) == 1
    assert "not certified" in shell.out
    assert re.search(r"^FAIL  fuzz .*refuse\(", shell.out, re.MULTILINE)
    assert not json.loads((shell.folder / "certificate.json").read_text())["passed"]


@pytest.mark.parametrize("wrong", ["{", "[]", '{"certificate": 1}', '{"certificate": 99}'])
def test_what_is_no_certificate_is_refused_and_not_written_over(shell, wrong):
    path = shell.file("certificate.json", wrong)
    assert shell("certify", "--verify", path) == 4
    assert shell("certify", "tictactoe", "--seconds", 1) == 4
    assert "is no certificate: name another file with -o" in shell.err
    assert path.read_text() == wrong


def test_an_agent_is_not_certified(shell):
    assert shell("certify", "random") == 4
    assert "is an agent" in shell.err


# ------------------------------------------------------------------------------------------ new


def test_a_new_game_runs_as_it_is_and_passes_its_own_tests(shell):
    assert shell("new", "game", "hexagon") == 0
    assert "evalengine run --games ./evalengine-hexagon -n 20" in shell.err
    assert shell("run", "--games", "./evalengine-hexagon", "-n", 20, "-q") == 0
    assert shell("check") == 0
    done = pytested(shell.folder / "evalengine-hexagon")
    assert done.returncode == 0, done.stdout


def test_a_new_agent_runs_as_it_is_and_passes_its_own_tests(shell):
    assert shell("new", "agent", "my_bot", "-o", "here/bot") == 0
    assert shell("run", "./here/bot", "--games", "tictactoe", "-n", 10, "-q") == 0
    assert shell("check", "here/bot") == 0
    done = pytested(shell.folder / "here" / "bot")
    assert done.returncode == 0, done.stdout


def test_a_new_plugin_listens_to_a_run_and_passes_its_own_tests(shell):
    assert shell("new", "plugin", "listening") == 0
    done = pytested(shell.folder / "evalengine-listening")
    assert done.returncode == 0, done.stdout


NAMES = [
    "../up",
    "/tmp/x",
    "a/b",
    "a b",
    "a-b",
    "Upper",
    "9lives",
    "",
    "class",
    "match",
    "and",
    "x" * 31,
    "é",
    "a\n",
    "_a",
    "a_",
]


@pytest.mark.parametrize("name", [*NAMES, "tictactoe", "strategy", "random", "games", "host", "chess"])
def test_a_name_that_cannot_be_one_is_refused_and_nothing_is_written(shell, name):
    assert shell("new", "game", "--", name) == 4
    assert len(shell.err.strip().splitlines()) == 1
    assert list(shell.folder.iterdir()) == []


def test_nothing_is_written_over(shell):
    mine = shell.file("evalengine-octagon/mine.txt", "kept")
    assert shell("new", "game", "octagon") == 4
    assert "nothing was written" in shell.err
    assert [path.name for path in mine.parent.iterdir()] == ["mine.txt"]
    shell.file("file", "kept")
    assert shell("new", "game", "octagon", "-o", "file") == 4
    (shell.folder / "link").symlink_to(shell.folder / "elsewhere")
    assert shell("new", "game", "octagon", "-o", "link") == 4
    assert not (shell.folder / "elsewhere").exists()


@pytest.mark.parametrize("kind", ["game", "agent", "plugin"])
def test_what_is_written_holds_no_word_of_the_template(shell, kind):
    assert shell("new", kind, "thing", "-o", "made") == 0
    for path in (shell.folder / "made").rglob("*"):
        assert "newname" not in path.name.lower()
        assert not path.name.endswith(".template")
        if path.is_file():
            assert not re.search(r"new-?name", path.read_text(), re.IGNORECASE)
            if path.suffix == ".py":
                compile(path.read_text(), path.name, "exec")
