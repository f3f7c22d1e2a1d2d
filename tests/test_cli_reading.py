"""What people read of games, agents, plugins and stored runs; golden files hold it word by word."""

import csv
import io
import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from commandline import COMMAND, LEAVE_OUT, SLOW, Shell, check_golden, environment, normal, process, started

from evalengine import __version__

BIG = 1 << 50  # a seed that is not short
GAMES_KEYS = {"name", "version", "tags", "min_seats", "max_seats", "max_turns", "doc"}
SLOW_MODULES = {
    "zmq",
    "sqlite3",
    "rich",
    "numpy",
    "msgpack",
    "multiprocess",
    "trueskill",
    "importlib.metadata",
    "asyncio",
}


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A folder with a run of three games."""
    folder = tmp_path_factory.mktemp("played")
    (folder / "bad.py").write_text("def act(observation):\n    print('hello')\n    return 99\n")
    plan = ("run", "bad.py", "--opponents", "first", "--games", "tictactoe or rps or kuhn_poker", "-n", 12)
    done = process(*plan, "--seed", BIG, "--workers", 1, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def shell(played, monkeypatch, capsys):
    monkeypatch.chdir(played)
    monkeypatch.setenv("COLUMNS", "80")
    return Shell(played, capsys)


# ------------------------------------------------------------------------------------------- listings


@pytest.mark.parametrize("command", ["games", "agents", "plugins"])
def test_listings_read_as_their_golden_files(shell, command):
    assert shell(command, *LEAVE_OUT) == 0
    check_golden(f"cli_{command}", normal(shell.out))
    assert shell.err == ""


def test_games_as_json_have_the_keys_of_the_interface(shell):
    assert shell("games", "--format", "json") == 0
    games = json.loads(shell.out)
    assert all(set(game) >= GAMES_KEYS for game in games)
    tron = next(game for game in games if game["name"] == "tron")
    assert (tron["min_seats"], tron["max_seats"]) == (2, 4)
    assert "multiplayer" in tron["tags"]


def test_games_are_selected_as_a_run_selects_them(shell):
    assert shell("games", "strategy and not hex", "--format", "json", *LEAVE_OUT) == 0
    names = {game["name"] for game in json.loads(shell.out)}
    assert "connect4" in names
    assert not names & {"hex", "rps"}


@pytest.mark.parametrize("command", ["agents", "plugins", "doctor"])
def test_every_table_is_there_as_json_too(shell, command):
    assert shell(command, "--format", "json") == 0
    assert json.loads(shell.out)


def test_doctor_tries_a_worker_and_an_agent(shell):
    assert shell("doctor") == 0
    lines = dict(line[4:].split("  ", 1) for line in shell.out.splitlines()[1:])
    assert "one started and ended" in lines["workers"]
    assert "a match of two" in lines["agents' processes"]


def test_doctor_tells_what_does_not_work(shell):
    assert shell("doctor", "--db", "bad.py") == 1
    assert "FAIL  database" in shell.out


# ------------------------------------------------------------------------------------------- stored runs


def test_standings_read_as_their_golden_file(shell):
    assert shell("standings") == 0
    text = shell.out
    assert shell("standings", "1", "--game", "rps") == 0
    check_golden("cli_standings", normal(text + shell.out))


@pytest.mark.parametrize("match", ["0", "rps::bad-vs-first[4]", "1/8"])
def test_show_reads_as_its_golden_file(shell, match):
    assert shell("show", match) == 0
    check_golden(f"cli_show_{match[-2:].strip(']/[')}", normal(shell.out))


def test_replay_reads_as_its_golden_file(shell):
    assert shell("replay", "9") == 0
    check_golden("cli_replay", normal(shell.out))


def test_replay_of_one_turn_is_that_frame(shell):
    assert shell("replay", "9") == 0
    frames = shell.out.split("--- turn ")
    assert shell("replay", "9", "--turn", "2") == 0
    assert shell.out == "--- turn " + frames[3]


def test_replay_ends_as_the_match_did(shell):
    assert shell("show", "9", "--format", "json") == 0
    shown = json.loads(shell.out)
    assert shell("replay", "9", "--format", "json") == 0
    frames = json.loads(shell.out)["frames"]
    assert len(frames) == shown["turns"] + 1
    assert frames[-1]["scores"] == [seat["score"] for seat in shown["seats"]]
    assert [frame["scores"] for frame in frames[:-1]] == [None] * shown["turns"]


def test_a_long_match_is_listed_in_lines_that_fit(shell):
    assert shell("run", "random", "first", "--games", "othello", "-n", "2", "--seed", BIG, "--db", "long.db", "-q") == 0
    assert shell("show", "0", "--db", "long.db") == 0
    start = shell.out.splitlines().index("actions, with the turn of the first in each line:")
    lines = [line for line in shell.out.splitlines()[start + 1 :] if line[:6].strip().isdigit()]
    assert len(lines) > 2
    firsts = [int(line[:6]) for line in lines]
    assert firsts[1] % 10 == 0
    assert firsts == list(range(0, firsts[-1] + 1, firsts[1]))
    assert max(map(len, lines)) <= 80


def test_the_latest_run_is_meant_where_none_is_named(shell):
    assert shell("run", "random", "first", "--games", "hex(size=4)", "-n", "2", "--db", "two.db", "-q") == 0
    assert shell("run", "random", "first", "--games", "tictactoe", "-n", "2", "--db", "two.db", "-q") == 0
    for match, game in (("0", "tictactoe"), ("1/0", "hex(size=4)"), ("[1]", "tictactoe")):
        assert shell("show", match, "--db", "two.db") == 0
        assert shell.out.startswith(f"{game}::")
    assert shell("standings", "--db", "two.db", "--format", "json") == 0
    assert json.loads(shell.out)["run"] == 2


def test_standings_as_json_and_csv_say_what_the_table_says(shell):
    assert shell("standings", "--format", "json") == 0
    told = json.loads(shell.out)
    assert set(told) >= {
        "run", "seed", "matches", "finished", "voids", "faults", "games", "standings", "distinct_games", "seconds",
        "matches_per_s", "db",
    }  # fmt: skip
    assert set(told["standings"][0]) == {
        "rank", "agent", "rating", "sigma", "matches", "wins", "draws", "losses", "score", "faults",
        "lo", "hi", "rank_lo", "rank_hi", "provisional", "component", "mu",
    }  # fmt: skip
    assert told["games"] == {"kuhn_poker": 4, "rps": 4, "tictactoe": 4}
    assert told["faults"] == {"illegal": 12}
    assert shell("standings", "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(shell.out)))
    assert [row["agent"] for row in rows] == [line["agent"] for line in told["standings"]]
    assert [float(row["rating"]) for row in rows] == [line["rating"] for line in told["standings"]]


def test_standings_of_a_run_in_progress_say_so(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    run = started("run", "slow.py", "--opponents", "first", "--games", "tictactoe", "-n", 200, "-v", cwd=tmp_path)
    try:
        while "tictactoe::" not in run.stderr.readline():
            assert run.poll() is None
        now = process("standings", cwd=tmp_path)
    finally:
        run.kill()
        run.communicate()
    assert now.returncode == 0
    assert "run 1 (by bt)" in now.stdout
    assert " of 200 matches: being played, or killed; then evalengine run --resume 1" in now.stderr


def test_the_database_of_the_settings_file_is_found_from_folders_below(shell, tmp_path, monkeypatch):
    (tmp_path / "evalengine.toml").write_text('db = "results/mine.db"\n')
    below = tmp_path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert shell("run", "random", "first", "--games", "tictactoe", "-n", "2", "-q") == 0
    assert (tmp_path / "results" / "mine.db").is_file()
    assert shell("standings") == 0
    assert shell("show", "0") == 0
    assert list(below.iterdir()) == []


# ------------------------------------------------------------------------------------------- start and end


def test_version_is_told_before_click_is_imported(tmp_path):
    code = "import sys; from evalengine.__main__ import main; main(); sys.exit('click' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True, text=True, check=False)
    assert done.stdout == f"evalengine {__version__}\n"
    assert done.returncode == 0
    assert process("--version", cwd=tmp_path).stdout == done.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["games", "--help"], ["show", "-h"]])
def test_help_imports_nothing_slow(tmp_path, arguments):
    code = (
        "import sys\nfrom evalengine.cli import main\nassert main(sys.argv[1:]) == 0\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0
    modules = done.stderr.split()
    assert "click" in modules
    # What finds the commands of plugins, where a plugin that has some is installed.
    needed = {"importlib.metadata"} if metadata.entry_points(group="evalengine.commands") else set()
    assert not (SLOW_MODULES - needed) & set(modules)
    ours = {name for name in modules if name.startswith("evalengine")}
    assert ours <= {"evalengine", "evalengine.errors", "evalengine.cli", "evalengine.cli.settings",
                    "evalengine.cli.limit_options",
                    f"evalengine.cli.{arguments[0]}"}  # fmt: skip


@pytest.mark.parametrize(
    "command",
    [None, "run", "games", "agents", "plugins", "standings", "compare", "rate", "show", "play", "replay", "doctor"],
)
def test_help_is_readable_at_80_columns(shell, command):
    assert shell(*[command] * (command is not None), "--help") == 0
    lines = shell.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("Usage: evalengine")
    assert all(
        line.strip() != line.split("  ")[-1].strip() or "--" not in line[:6] for line in lines if "  -" in line[:3]
    )
    assert "\\b" not in shell.out


def test_without_a_command_help_is_printed(shell):
    assert shell() == 0
    assert "Commands:" in shell.out


def test_a_plugins_command_is_listed_without_importing_it_and_runs(tmp_path):
    (tmp_path / "mycommand.py").write_text(
        "import click\n@click.command()\ndef hello():\n    click.echo('hello there')\n"
    )
    info = tmp_path / "mycommand-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mycommand\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[evalengine.commands]\nhello = mycommand:hello\nbroken = no_such_module:command\n"
    )
    env = {"PYTHONPATH": str(tmp_path)}
    listed = process("--help", cwd=tmp_path, env=env)
    assert "hello      from plugin mycommand:hello" in listed.stdout
    assert process("hello", cwd=tmp_path, env=env).stdout == "hello there\n"
    broken = process("broken", cwd=tmp_path, env=env)
    assert broken.returncode == 4
    assert broken.stderr.startswith("error: the command 'broken' of no_such_module:command cannot be imported: ")


def test_a_closed_pipe_is_no_error(played):
    for arguments in (["replay", "9"], ["games"], ["standings", "--format", "json"]):
        reader, writer = os.pipe()
        os.close(reader)
        try:
            done = subprocess.run(
                [*COMMAND, *arguments],
                cwd=played,
                env=environment(),
                stdout=writer,
                stderr=subprocess.PIPE,
                check=False,
            )
        finally:
            os.close(writer)
        assert done.stderr == b""
        assert done.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_under_stdout_is_told(played):
    with Path("/dev/full").open("w") as full:
        done = process("games", cwd=played, stdout=full)
    assert done.returncode == 2
    assert done.stderr == "error: standard output cannot be written: No space left on device\n"


def test_a_terminal_without_the_characters_ends_nothing(played):
    done = process("show", "0", cwd=played, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
