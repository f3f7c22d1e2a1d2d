"""`evalengine replay --verify`: what was stored is replayed, and whatever differs is named with its place."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from commandline import Shell
from test_replays import SIZED

CRASHING = "def act(observation):\n    return observation.legal[0] if observation.turn < 5 else 1 / 0\n"
RUN = 1 << 40


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A database with a run of three games, a branch of it and an exploration; played once."""
    import os

    from evalengine.cli import main

    folder = tmp_path_factory.mktemp("played")
    before = os.getcwd()  # noqa: PTH109 - to go back there
    os.chdir(folder)
    try:
        (folder / "crashing.py").write_text(CRASHING)
        games = "tictactoe or kuhn_poker or rps"
        arguments = [
            "run",
            "crashing.py",
            "random",
            "--games",
            games,
            "-n",
            "60",
            "--seed",
            "5",
            "-q",
            "--workers",
            "1",
        ]
        assert main([*arguments, "--db", "arena.db"]) == 0
        assert main(["branch", "3", "--turn", "1", "-n", "9", "-q", "--workers", "1", "--db", "arena.db"]) == 0
    finally:
        os.chdir(before)
    return folder / "arena.db"


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys, played):
    monkeypatch.chdir(tmp_path)
    shutil.copy(played, tmp_path / "arena.db")
    return Shell(tmp_path, capsys)


def change(shell, sql):
    with closing(sqlite3.connect(shell.folder / "arena.db")) as db, db:
        assert db.execute(sql).rowcount > 0


def first(shell, where):
    with closing(sqlite3.connect(shell.folder / "arena.db")) as db:
        return db.execute(f"select id from match where {where} order by id").fetchone()[0]


def verify(shell, *more):
    return shell("replay", "--verify", "--db", "arena.db", *more)


def test_what_is_stored_replays(shell):
    assert verify(shell) == 0
    assert shell.out.startswith("69 matches of 2 runs replayed, 0 differ; ")
    assert verify(shell, "--run", 2) == 0
    assert shell.out.startswith("9 matches of 1 run replayed, 0 differ; ")
    assert shell("replay", "1/3", "--verify", "--db", "arena.db") == 0
    assert shell.out.startswith("1 matches of 1 run replayed")


FIRST_TTT = "game_no = (select game_no from game where run = 1 and name = 'tictactoe') and termination = 'rules'"
DAMAGE = {
    "scores": (
        "update match set seats = replace(replace(seats, '-1.0', '-0.5'), '[1,1.0', '[1,0.5') where id = {id}",
        ("scores stored as", "replayed", "at the end, after"),
    ),
    "places": ("update match set seats = json_set(seats, '$[0][2]', 7) where id = {id}", ("places stored as [7,",)),
    "turns": ("update match set turns = turns + 1 where id = {id}", ("turns stored as", "at the end, after")),
    "termination": (
        "update match set termination = 'turn_limit' where id = {id}",
        ('termination stored as "turn_limit", replayed "rules"',),
    ),
    "chance": ("update match set seed = seed - 1 where id = {id}", ("at the start: its seed is", "by its key")),
    "faults": (
        "insert into fault values ({id}, 3, 0, 'crash', '', '')",
        ('faults stored as [[3, 0, "crash"]], replayed []',),
    ),
    "another game": (
        "update match set actions = x'93040400' where id = {id}",
        ("turn 1: turn 1: seat 1 did 4",),
    ),
    "cut": (
        "update match set actions = x'9304' where id = {id}",
        ("at the start: the turns of the match are damaged",),
    ),
    "short": (
        "update match set actions = x'9104' where id = {id}",
        ("turn 1: it ended here by rules, and would go on",),
    ),
    "long": (
        "update match set actions = x'9700030104020506' where id = {id}",
        ("was over after 5 turns, but more are recorded",),
    ),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_what_differs_is_named_with_its_place(shell, what):
    sql, says = DAMAGE[what]
    number = first(shell, f"id < {2 << 40} and {FIRST_TTT} and seats like '%1.0%'")
    change(shell, sql.format(id=number))
    assert verify(shell) == 1
    line, summary = shell.out.splitlines()
    assert line.startswith("MISMATCH 1/tictactoe::")
    assert f"[{number - RUN}] " in line
    for part in says:
        assert part in line
    assert summary.startswith("69 matches of 2 runs replayed, 1 differ; ")
    assert verify(shell, "--format", "json") == 1
    told = json.loads(shell.out)
    assert (told["mismatches"], len(told["found"])) == (1, 1)


def test_a_branch_that_leaves_its_parents_turns_differs(shell):
    change(shell, "update match set actions = x'93090909' where id = (2 << 40)")
    assert verify(shell) == 1
    assert "MISMATCH 2/kuhn_poker::random-vs-crashing[0] turn 0: " in shell.out


def test_a_void_is_nothing_to_compare_with(shell):
    number = first(shell, f"id < {2 << 40}")
    change(shell, f"update match set termination = 'void', actions = x'90' where id = {number}")
    assert verify(shell) == 0
    assert "68 matches of 2 runs replayed, 0 differ; 1 void, without anything to compare; " in shell.out


def test_a_run_that_is_not_finished_is_verified_as_far_as_it_is_stored(shell):
    change(shell, "update run set state = 'interrupted' where id = 1")
    assert verify(shell) == 0
    assert "note: run 1 is interrupted: what is stored of it is verified" in shell.err


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("update game set version = '0' where name = 'rps'", "was played with version 0 of 'rps', here it is 1"),
        ("update game set name = 'gone' where name = 'rps'", "needs the game 'gone', which no installed plugin lists"),
    ],
)
def test_a_game_that_is_gone_or_changed_is_told_and_the_rest_is_verified(shell, sql, says):
    change(shell, sql)
    assert verify(shell, "--run", 1) == 1
    assert says in shell.err
    assert "40 matches of 1 run replayed, 0 differ; 20 left out; " in shell.out


def test_a_game_of_a_file_that_is_gone_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shell = Shell(tmp_path, capsys)
    shell.file("sized_here.py", SIZED.replace("sized:Sized", "sized_here:Sized"))
    shell.file("size.txt", "4")
    assert shell("run", "random", "again=random", "--games", "./sized_here.py", "-n", 4, "-q") == 0
    assert verify(shell, "--db", ".evalengine/arena.db") == 0
    shell.file("size.txt", "5")
    assert verify(shell, "--db", ".evalengine/arena.db") == 1
    assert "was played with version 7+4 of 'sized', here it is 7+5" in shell.err
    (tmp_path / "sized_here.py").unlink()
    assert verify(shell, "--db", ".evalengine/arena.db") == 1
    assert "there is no plugin at" in shell.err
    assert "4 left out" in shell.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "which match? evalengine replay MATCH, or --verify for all"),
        (("--verify", "--turn", "3"), "leave --svg and --turn out"),
        (("1", "--run", "1"), "--run chooses what --verify replays"),
        (("1", "-o", "there"), "-o is where --svg writes"),
        (("--verify", "--run", "9"), "has no run 9"),
        (("9/1", "--verify"), "has no stored match 1"),
    ],
)
def test_what_does_not_go_together_is_said(shell, arguments, says):
    assert shell("replay", *arguments, "--db", "arena.db") == 4
    assert says in shell.err
