"""A course's hand-ins: what cannot be played loses its matches, and every agent's faults are told in one line."""

import csv
import io
import json
import os
import zipfile

import hand_ins
import pytest
from commandline import FIRST, Shell, process

PICKS = ("--games", "picks", "--sandbox", "none")


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return Shell(tmp_path, capsys)


def course(shell):
    """Write two hand-ins that play and four that cannot be loaded, each for another reason."""
    shell.file("subs/ann.py", FIRST)
    shell.file("subs/bob.py", FIRST)
    shell.file("subs/carl.py", "def act(observation)\n    return 1\n")
    shell.file("subs/dora.py", "x = 1\n")
    shell.file("subs/eve.txt", FIRST)
    with zipfile.ZipFile(shell.folder / "subs/finn.zip", "w") as archive:
        archive.writestr("../agent.py", FIRST)
    return ["subs/ann.py", "subs/bob.py", "subs/carl.py", "subs/dora.py", "subs/eve.txt", "subs/finn.zip"]


def test_hand_ins_that_cannot_be_played_lose_each_match_and_keep_nobody_from_playing(shell):
    assert shell("run", *course(shell), *PICKS, "--rounds", 1, "--format", "json") == 0
    told = json.loads(shell.out)
    assert told["matches"] == told["finished"] == 30
    board = {line["agent"]: line for line in told["standings"]}
    assert {name: board[name]["faults"] for name in ("ann", "bob")} == {"ann": 0, "bob": 0}
    assert board["ann"]["wins"] >= 8  # both seats against each of the four
    assert "carl: cannot be played, loses each match: carl.py:1 SyntaxError: expected ':'" in shell.err


def test_each_agents_faults_are_counted_with_the_first_reason_and_its_match(shell):
    assert shell("run", *course(shell), *PICKS, "--rounds", 1, "--format", "json") == 0
    faulted = {line["agent"]: line for line in json.loads(shell.out)["faulted_agents"]}
    assert set(faulted) == {"carl", "dora", "eve", "finn"}
    carl = faulted["carl"]
    assert carl["matches"] == 10
    assert carl["faults"] == {"crash": carl["faulted"]}
    assert carl["first"]["detail"] == "cannot be played: carl.py:1 SyntaxError: expected ':'"
    assert "carl" in carl["first"]["match"]
    assert "../agent.py" in faulted["finn"]["first"]["detail"]
    assert shell("show", carl["first"]["match"]) == 0
    assert "return 1" not in shell.out  # nothing but what the reason says
    assert "expected ':'" in shell.out


def test_many_faults_are_told_in_a_line_an_agent_and_kind(shell):
    shell.file("bad.py", "def act(observation):\n    raise ValueError(f'turn {observation.turn}')\n")
    shell.file("worse.py", "def act(observation):\n    return 1 / 0 if observation.seat else 1000\n")
    shell.file("good.py", FIRST)
    assert shell("run", "bad.py", "worse.py", "good.py", *PICKS, "-n", 60) == 0
    summary = shell.out.partition("faults by agent")[2]
    lines = [line.split() for line in summary.splitlines() if line.startswith(("bad ", "worse "))]
    assert [line[:2] for line in lines] == [["bad", "crash"], ["worse", "illegal"], ["worse", "crash"]]
    assert summary.count("ValueError") == 1
    assert shell("run", "bad.py", "worse.py", "good.py", *PICKS, "-n", 60, "-v") == 0
    assert shell.out.partition("short fault summary")[2].count("ValueError") > 1


def test_with_a_board_for_programs_the_faults_go_to_stderr(shell):
    assert shell("run", *course(shell), *PICKS, "--rounds", 1, "--format", "csv") == 0
    assert len(list(csv.DictReader(io.StringIO(shell.out)))) == 6
    for name in ("carl", "dora", "eve", "finn"):
        assert [line for line in shell.err.splitlines() if line.startswith(f"{name} ")]
    assert shell("run", *course(shell), *PICKS, "--rounds", 1, "--format", "csv", "-q") == 0
    assert "faults by agent" not in shell.err


def test_show_of_an_agent_says_what_it_is_and_what_went_wrong(shell):
    assert shell("run", *course(shell), *PICKS, "--rounds", 1, "-q") == 0
    assert shell("show", "carl") == 0
    assert "carl.py:1 SyntaxError" in shell.out
    assert "subs/carl.py" in shell.out
    assert shell("show", "ann", "--format", "json") == 0
    ann = json.loads(shell.out)
    assert (ann["agent"], ann["matches"], ann["faults"]) == ("ann", 10, [])
    assert shell("show", "1/ann") == 0
    assert shell("show", "carla") == 4
    assert "'carla' names no match" in shell.err


def test_refuse_names_every_hand_in_that_cannot_be_played(shell):
    assert shell("run", *course(shell), *PICKS, "--broken", "refuse") == 4
    for name in ("carl", "dora", "eve"):
        assert f"    {name}: " in shell.err
    assert "--broken forfeit" in shell.err
    assert not (shell.folder / ".evalengine").exists()


@pytest.mark.parametrize("others", [[], ["random"], ["subs/ann.py"]])
def test_with_fewer_than_two_others_named_it_is_refused(shell, others):
    course(shell)
    assert shell("run", "subs/carl.py", *others, *PICKS, "-n", 2) == 4
    assert shell.err.startswith("error: carl.py:1 SyntaxError: expected ':'\n")
    assert shell("run", "subs/finn.zip", *others, *PICKS, "-n", 2) == 4
    assert "leads outside" in shell.err
    assert shell("run", "subs/carl.py", "random", *PICKS, "-n", 2, "--broken", "forfeit") == 0


def test_what_is_not_there_is_refused_however_many_are(shell):
    assert shell("run", *course(shell), "subs/zoe.py", *PICKS, "--broken", "forfeit") == 4
    assert "no file or folder 'subs/zoe.py'" in shell.err


def test_a_repaired_hand_in_plays_its_lost_matches_again(shell):
    assert shell("run", *course(shell), *PICKS, "--rounds", 1, "-q") == 0
    for name in ("carl", "dora"):
        shell.file(f"subs/{name}.py", FIRST)
    assert shell("run", "--lf", "--format", "json") == 0
    told = json.loads(shell.out)
    assert {line["agent"] for line in told["faulted_agents"]} == {"eve", "finn"}


def test_a_run_with_stand_ins_resumes(shell):
    assert shell("run", *course(shell), *PICKS, "--rounds", 1, "-x") == 2
    assert shell("run", "--resume", "--format", "json") == 0
    assert json.loads(shell.out)["matches"] == 30


def test_programs_of_one_name_are_called_after_their_folders(shell):
    for name in ("ann", "bob"):
        shell.file(f"{name}/bot.sh", "#!/bin/sh\n").chmod(0o755)
    refs = ["plain:ann/bot.sh", "plain:sh bob/bot.sh"]
    assert shell("run", *refs, *PICKS, "-n", 2, "--collect-only") == 0
    assert "ann-vs-bob" in shell.out


@pytest.mark.parametrize(
    ("first", "told"),
    [
        ("#!/usr/bin/no-such-shell -e", "asks for the interpreter '/usr/bin/no-such-shell', which was not found"),
        ("#!/bin/sh\r", "has lines that end with \\r\\n"),
        ("#!/usr/bin/env sh\r", "has lines that end with \\r\\n"),
    ],
)
def test_a_script_whose_interpreter_is_missing_is_told_so(shell, first, told):
    (shell.folder / "bot").write_bytes(first.encode() + b"\necho 1\n")
    (shell.folder / "bot").chmod(0o755)
    assert shell("run", "plain:./bot", *PICKS, "-n", 2) == 4
    assert told in shell.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_told_of_its_agent(shell):
    files = course(shell)[:2]
    locked = shell.file("locked/agent.py", FIRST).parent
    shell.file("half/agent.py", FIRST)
    shell.file("half/data.bin", "").chmod(0)
    (shell.folder / "subs/finn.zip").chmod(0)
    locked.chmod(0)
    try:
        code = shell("run", *files, "locked", "half", "subs/finn.zip", "locked/agent.py", *PICKS, "--format", "json")
    finally:
        locked.chmod(0o700)
    assert code == 0
    faulted = {line["agent"]: line["first"]["detail"] for line in json.loads(shell.out)["faulted_agents"]}
    assert len(faulted) == 4
    assert all("ermission denied" in detail for detail in faulted.values())


@pytest.mark.slow
def test_two_hundred_hand_ins_of_all_kinds_are_played_to_the_end_and_each_broken_one_is_named(tmp_path):
    refs, faults = hand_ins.write(tmp_path / "subs", 200)
    told = []
    for workers in (1, 3):
        # CPU seconds only: standings are the same on a busy machine, where a loop takes longer by the wall clock.
        options = ("--games", "picks", "-n", 600, "--turn-s", 0.5, "--seed", 1 << 50, "--workers", workers)
        done = process("run", *refs, *options, "--db", f"{workers}.db", "--format", "json", cwd=tmp_path, timeout=540)
        assert done.returncode == 0, done.stderr[-2000:]
        told.append(json.loads(done.stdout))
        assert done.stderr.partition("faults by agent")[2].count("\n") < 3 + len(faults) + 1
    assert told[0]["matches"] == told[0]["finished"] == 600
    assert {line["agent"]: list(line["faults"]) for line in told[0]["faulted_agents"]} == {
        name: [fault] for name, fault in faults.items()
    }
    assert told[0]["standings"] == told[1]["standings"]
