"""`evalengine run`: every option does what it says, stdout carries results only, the exit code tells how it ended."""

import csv
import io
import json
import os
import pty
import re
import select
import signal
import sqlite3
import time

import pytest
from commandline import CRASHING, FIRST, LEAVE_OUT, SLOW, Shell, check_golden, normal, process, started

LOGGING = """
from evalengine import hookimpl

@hookimpl
def evalengine_match_done(spec, result):
    with open("order.txt", "a") as file:
        print(spec.match_no, file=file)
"""
BIG = 1 << 50  # a seed that is not short


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("EVALENGINE_ADDOPTS", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    return Shell(tmp_path, capsys)


def ids(shell, *options):
    """Return the ids that --collect-only lists."""
    assert shell("run", "random", "first", *options, "--collect-only") == 0
    return shell.out.splitlines()


def played(shell, *options, code=0):
    """Return the JSON of a run of two agents."""
    assert shell("run", "random", "first", *options, "--format", "json") == code
    return json.loads(shell.out)


TICTACTOE = ("--games", "tictactoe")


# ------------------------------------------------------------------------------------------- what is planned


def test_n_is_the_exact_number(shell):
    assert played(shell, *TICTACTOE, "-n", 7)["matches"] == 7


def test_rounds_are_whole_rotations_of_every_cell(shell):
    assert len(ids(shell, "--games", "tictactoe or rps", "--rounds", 3)) == 3 * 2 * 2


def test_without_a_number_each_cell_has_one_rotation(shell):
    assert len(ids(shell, *TICTACTOE)) == 2


def test_games_selects_by_names_tags_and_configurations(shell):
    found = ids(shell, "--games", "cards and not leduc_poker or hex(size=3)", "--rounds", 1)
    assert {name.partition("::")[0] for name in found} == {"kuhn_poker", "hex(size=3)"}


def test_a_seed_fixes_everything_and_none_draws_one(shell):
    one, again = (played(shell, *TICTACTOE, "-n", 20, "--seed", BIG) for _ in range(2))
    other = played(shell, *TICTACTOE, "-n", 20)
    assert one["standings"] == again["standings"]
    assert one["seed"] == BIG != other["seed"]
    assert other["seed"] > 1 << 40


@pytest.mark.parametrize(
    ("options", "agents"),
    [
        (["random"], {"random", "greedy", "minimax-2", "mcts-25"}),
        (["random", "--opponents", "first,mcts(simulations=3)"], {"random", "first", "mcts-3"}),
        (["random", "first"], {"random", "first"}),
        (["random", "first", "--opponents", "bundled"], {"random", "first", "greedy", "minimax-2", "mcts-25"}),
        (["random", "first", "--opponents", "none"], {"random", "first"}),
        ([], {"random", "greedy", "minimax-2", "mcts-25"}),
    ],
)
def test_opponents(shell, options, agents):
    assert shell("run", *options, *TICTACTOE, "--collect-only") == 0
    found = {name for line in shell.out.splitlines() for name in re.split("::|-vs-|\\[", line)[1:3]}
    assert found == agents


@pytest.mark.parametrize(("option", "turns"), [("none", 0), ("random:3", 3), (None, 2)])
def test_opening(shell, option, turns):
    played(shell, *TICTACTOE, "-n", 2, *(["--opening", option] if option else []))
    assert shell("show", "0", "--format", "json") == 0
    assert json.loads(shell.out)["opening"] == turns


def test_pairing_and_rater_are_taken_by_name(shell):
    plugin = shell.file("onlyone.py", ONE_MATCH)
    assert len(ids(shell, *TICTACTOE, "-p", plugin.stem, "--pairing", "only-one", "-n", 9)) == 1
    told = {
        rater: played(shell, *TICTACTOE, "-n", 20, "--seed", BIG, "--rater", rater) for rater in ("elo", "trueskill")
    }
    assert told["elo"]["standings"][0]["rating"] > 1000 > told["trueskill"]["standings"][0]["rating"]


ONE_MATCH = """
from evalengine import MatchSpec, Pairing, PluginSpec, hookimpl

class OnlyOne(Pairing):
    def round(self, round_no, standings):
        contest = self.plan.contests[0]
        spec = MatchSpec(0, contest.game_no, 0, self.plan.seed, contest.agents[:2])
        return iter([spec]) if round_no == 0 else None

    def sizes(self):
        return {self.plan.contests[0].game_no: 1}

@hookimpl
def evalengine_pairings():
    return [PluginSpec(name="only-one", factory="onlyone:OnlyOne")]
"""


# ------------------------------------------------------------------------------------------- limits


LATE_START = "import time\ntime.sleep(0.4)\n" + FIRST
LATE_ONCE = """
import time
def act(observation):
    time.sleep(0.15)
    return observation.legal[0]
"""


@pytest.mark.parametrize(
    ("source", "option", "low", "told"),
    [
        (LATE_ONCE, "--turn-s", "0.05", "0.05 s a turn exceeded"),
        (LATE_START, "--start-s", "0.1", "0.10 s to start exceeded"),
        (LATE_ONCE, "--match-s", "0.2", "0.20 s a match exceeded"),
    ],
    ids=["turn", "start", "match"],
)
def test_limits_of_time(shell, source, option, low, told):
    shell.file("late.py", source)
    run = ("run", "late.py", *TICTACTOE, "-n", 1, "--opponents", "first", "--clock", "wall")
    assert shell(*run, option, low) == 0
    assert "TIMEOUT  tictactoe::late-vs-first[0]  turn " in shell.out
    assert told in shell.out
    assert "a time limit was hit" in shell.out
    assert shell(*run, option, "none") == 0
    assert "TIMEOUT" not in shell.out


def test_limit_of_memory(shell):
    shell.file("large.py", "def act(observation):\n    bytes(300 << 20)\n    return observation.legal[0]\n")
    run = ("run", "large.py", *TICTACTOE, "-n", 1, "--opponents", "first", "--format", "json")
    assert shell(*run, "--memory-mib", "200") == 0
    assert json.loads(shell.out)["faults"] == {"memory": 1}
    assert shell(*run, "--memory-mib", "2000") == 0
    assert json.loads(shell.out)["faults"] == {}


def test_sandbox_is_named_in_the_header(shell):
    assert shell("run", "random", "first", *TICTACTOE, "--sandbox", "none") == 0
    assert "sandbox: none" in shell.err


# ------------------------------------------------------------------------------------------- what is chosen


def test_k_and_deselect_choose_and_keep_match_no(shell):
    every = ids(shell, "--games", "tictactoe or rps", "-n", 12)
    assert ids(shell, "--games", "tictactoe or rps", "-n", 12, "-k", "RPS and not 3]") == every[:3] + every[4:6]
    assert ids(shell, "--games", "tictactoe or rps", "-n", 12, "--deselect", "rps::", "--deselect", every[7]) == [
        every[6],
        *every[8:],
    ]
    assert played(shell, "--games", "tictactoe or rps", "-n", 12, "-k", "tictactoe")["matches"] == 6
    assert shell("show", every[6]) == 0


@pytest.fixture
def failed(shell):
    """A run of 12 matches in which some have a fault."""
    shell.file("sometimes.py", CRASHING.replace("turn > 3", "turn < 4 and observation.legal[0] > 0"))
    shell.file("telling.py", LOGGING)
    plan = ("run", "sometimes.py", "--opponents", "random", *TICTACTOE, "-n", 12, "--seed", BIG)
    assert shell(*plan, "--format", "json") == 0
    with sqlite3.connect(".evalengine/arena.db") as db:
        shell.failed = [
            number for (number,) in db.execute("select distinct match_no from v_faults where run = 1 order by 1")
        ]
        shell.seeds = dict(db.execute("select match_no, seed from v_matches where run = 1"))
    db.close()
    assert 0 < len(shell.failed) < 12
    return shell


def test_lf_plays_what_failed_again_with_the_same_seeds(failed):
    assert failed("run", "--lf", "-p", "telling", "--workers", 1) == 0
    assert f"only the {len(failed.failed)} of them with a fault or void in run 1" in failed.err
    assert [int(line) for line in (failed.folder / "order.txt").read_text().split()] == failed.failed
    with sqlite3.connect(".evalengine/arena.db") as db:
        seeds = dict(db.execute("select match_no, seed from v_matches where run = 2"))
    db.close()
    assert seeds == {number: failed.seeds[number] for number in failed.failed}


def test_lf_with_the_same_plan_and_a_choice(failed):
    plan = ("run", "sometimes.py", "--opponents", "random", *TICTACTOE, "-n", 12)
    one = failed.failed[0]
    assert failed(*plan, "--lf", "-k", f"[{one}]", "--collect-only") == 0
    assert [line[line.index("[") :] for line in failed.out.splitlines()] == [f"[{one}]"]


def test_ff_changes_the_order_of_dispatch_and_no_number(failed):
    assert failed("run", "--ff", "-p", "telling", "--workers", 1, "--format", "json") == 0
    order = [int(line) for line in (failed.folder / "order.txt").read_text().split()]
    assert order == [*failed.failed, *(number for number in range(12) if number not in failed.failed)]
    again = json.loads(failed.out)
    assert failed("standings", "1", "--format", "json") == 0
    assert again["standings"] == json.loads(failed.out)["standings"]


def test_lf_after_a_run_without_faults_plays_all(shell):
    played(shell, *TICTACTOE, "-n", 4)
    assert shell("run", "--lf", "--format", "json") == 0
    assert json.loads(shell.out)["matches"] == 4
    assert "run 1 had no fault and no void" in shell.err


@pytest.mark.parametrize("option", ["--dry-run", "--collect-only"])
def test_a_preview_stores_nothing(shell, option):
    assert shell("run", *TICTACTOE, "-n", 5, option) == 0
    assert (
        len(shell.out.splitlines()) == 5 if option == "--collect-only" else "5 matches: 1 game x 6 cells" in shell.out
    )
    assert list(shell.folder.iterdir()) == []
    text = shell.out
    assert shell("run", *TICTACTOE, "-n", 5, option, "--format", "json") == 0
    assert json.loads(shell.out) == text.splitlines()


# ------------------------------------------------------------------------------------------- how it ends


def test_x_and_maxfail_end_as_ctrl_c_does(shell):
    shell.file("bad.py", CRASHING)
    plan = ("run", "bad.py", "--opponents", "random", *TICTACTOE, "-n", 60, "--workers", 1)
    assert shell(*plan, "-x") == 2
    stopped = int(re.search(r"run 1 stopped with (\d+) of 60 matches stored", shell.err)[1])
    assert 1 <= stopped < 60
    assert shell.err.splitlines()[-1].endswith("Continue: evalengine run --resume 1")
    assert "standings" in shell.out
    assert "CRASH " in shell.out
    assert shell(*plan, "--maxfail", 5) == 2
    assert 5 <= int(re.search(r"run 2 stopped with (\d+) of 60", shell.err)[1]) < 60
    assert shell(*plan, "--maxfail", 0) == 0
    assert shell("run", "--resume", "1", "--format", "json") == 0
    assert json.loads(shell.out)["matches"] == 60


def test_resume_takes_everything_from_the_run_and_ends_with_exactly_n(shell):
    shell.file("bad.py", CRASHING)
    plan = ("run", "bad.py", "--opponents", "random", *TICTACTOE, "-n", 30, "--seed", BIG)
    whole = shell(*plan, "--db", "whole.db", "--format", "json"), json.loads(shell.out)
    assert shell(*plan, "-x", "--workers", 1) == 2
    assert shell("run", "--resume", "--workers", 2, "--format", "json") == 0
    assert json.loads(shell.out)["standings"] == whole[1]["standings"]
    assert "resumed: " in shell.err
    assert "2 workers" in shell.err
    assert shell("run", "--resume") == 0  # a complete run prints its standings
    assert "30 finished" in shell.out


def test_fail_under_is_about_the_first_named_agent(shell):
    plan = ("run", "first", "minimax", *TICTACTOE, "-n", 10, "--seed", BIG, "-q")
    assert shell(*plan, "--fail-under", "99") == 1
    assert re.search(r"FAILED first scored \d+\.\d%, less than 99%", shell.err)
    assert shell(*plan, "--fail-under", "0") == 0
    assert "FAILED" not in shell.err


def test_fail_under_is_a_score_where_scores_count(shell):
    plan = ("run", "always-defect", "always-cooperate", "--games", "prisoners_dilemma", "-n", 4, "-q")
    assert shell(*plan, "--fail-under", "2") == 0
    assert shell(*plan, "--fail-under", "60") == 1
    assert "FAILED always-defect scored 5.0, less than 60" in shell.err


def test_fail_on_fault(shell):
    shell.file("bad.py", CRASHING)
    plan = ("run", "bad.py", "--opponents", "first", *TICTACTOE, "-n", 2, "-q")
    assert shell(*plan) == 0
    assert shell(*plan, "--fail-on-fault") == 1


def test_a_void_ends_with_1_and_is_named(shell):
    shell.file("voiding.py", BROKEN_GAME)
    assert shell("run", "random", "first", "--games", "./voiding.py", "-n", 2) == 1
    assert re.search(r"VOID     broken_game::random-vs-first\[0\]  turn \d: RuntimeError: rules lost", shell.out)
    assert "0 finished, 2 void" in shell.out
    assert "V" * 2 in shell.err
    assert shell("show", "0") == 0  # a game that was named by its path is found again
    assert "ended by void" in shell.out


BROKEN_GAME = """
from evalengine import Game, GameSpec, State, hookimpl

class Broken(Game):
    def initial(self, seats, rng):
        return Lost()

class Lost(State):
    turn = 0
    def to_move(self):
        return [0]
    def view(self, seat):
        return [self.turn]
    def legal(self, seat):
        return [0, 1]
    def apply(self, actions, rng):
        if self.turn == 1:
            raise RuntimeError("rules lost")
        self.turn += 1
        return self
    def scores(self):
        return (0.0, 0.0)

@hookimpl
def evalengine_games():
    return [GameSpec(name="broken_game", version="1", doc="Breaks.", factory="voiding:Broken", max_turns=9)]
"""


# ------------------------------------------------------------------------------------------- what is printed


def test_stdout_carries_results_only(tmp_path):
    plan = ("run", "random", "first", "--games", "tictactoe or rps", "-n", 6, "--seed", BIG, "--workers", 1)
    done = process(*plan, *LEAVE_OUT, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("====")
    check_golden("cli_run", normal(done.stdout))
    header, progress = done.stderr.split("rps ", 1)
    check_golden("cli_header", normal(header))
    assert re.fullmatch(r"         [.D]{3} +\[ \d\d%\]\ntictactoe    [.D]{3} +\[100%\]\n", progress)


def test_formats(shell):
    told = played(shell, *TICTACTOE, "-n", 4, "--seed", BIG)
    assert told["matches"] == told["finished"] == 4
    assert shell("run", "random", "first", *TICTACTOE, "-n", 4, "--seed", BIG, "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(shell.out)))
    assert [row["agent"] for row in rows] == [line["agent"] for line in told["standings"]]
    assert shell("run", "random", "first", *TICTACTOE, "-n", 4, "--seed", BIG, "--format", "table") == 0
    assert " #    agent " in shell.out


def test_a_plugins_reporter_is_a_format(shell):
    shell.file("short.py", REPORTER)
    assert shell("run", "random", "first", *TICTACTOE, "-n", 4, "-p", "short", "--format", "short") == 0
    assert shell.out == "4 matches of 2 agents\n"


REPORTER = """
from evalengine import PluginSpec, Reporter, hookimpl

class Short(Reporter):
    def standings(self, run, standings):
        return f"{run['matches']} matches of {len(standings)} agents"

@hookimpl
def evalengine_reporters():
    return [PluginSpec(name="short", factory="short:Short")]
"""


def test_quiet_is_the_last_line_only(shell):
    assert shell("run", "random", "first", *TICTACTOE, "-n", 4, "-q") == 0
    assert shell.err == ""
    assert re.fullmatch(r"=+ 4 finished, in \d+\.\d s \(\d+\.\d matches/s\) =+\n", shell.out)


def test_verbose_is_a_line_a_match_and_the_boards_of_the_games(shell):
    shell.file("bad.py", CRASHING)
    assert shell("run", "bad.py", "--opponents", "first", "--games", "tictactoe or rps", "-n", 4, "-v") == 0
    lines = [line for line in shell.err.splitlines() if "::" in line]
    assert len(lines) == 4
    assert "rps::bad-vs-first[0] first first CRASH bad: ValueError: lost (bad.py:3) (5 turns)" in lines
    assert "standings: rps (by bt)" in shell.out
    assert "standings: tictactoe (by bt)" in shell.out


def test_r_and_tb_choose_what_is_told_of_faults(shell):
    shell.file("bad.py", CRASHING)
    plan = ("run", "bad.py", "--opponents", "first", *TICTACTOE, "-n", 2)
    line = "CRASH    tictactoe::bad-vs-first[0]  turn "
    assert shell(*plan) == 0
    assert line in shell.out
    assert "bad: ValueError: lost (bad.py:3)" in shell.out
    assert "Traceback" not in shell.out
    for kinds, there in (("C", True), ("TI", False), ("N", False), ("a", True)):
        assert shell(*plan, "-r", kinds) == 0
        assert (line in shell.out) is there
    assert shell(*plan, "--tb", "long") == 0
    assert 'File "bad.py", line 3, in act' in shell.out
    assert shell(*plan, "--tb", "no") == 0
    assert line in shell.out
    assert "ValueError" not in shell.out


def test_durations(shell):
    assert shell("run", "random", "first", *TICTACTOE, "-n", 5, "--durations", 3) == 0
    shown = shell.out.split("slowest 3 matches")[1].splitlines()[1:4]
    assert all(re.fullmatch(r" +\d+\.\d{3} s  tictactoe::\S+\[\d\]", line) for line in shown)
    seconds = [float(line.split()[0]) for line in shown]
    assert seconds == sorted(seconds, reverse=True)


def test_letters_of_each_kind(shell):
    shell.file("bad.py", CRASHING)
    shell.file("wrong.py", "def act(observation):\n    return 'x'\n")
    assert shell("run", "bad.py", "wrong.py", *TICTACTOE, "-n", 4) == 0
    assert re.search(r"tictactoe    [CI]{4} +\[100%\]", shell.err)
    assert "I" in shell.err.splitlines()[-1]


def test_letters_are_thinned_out_above_2000_and_faults_never(shell):
    shell.file("bad.py", CRASHING)
    assert shell("run", "random", "first", *TICTACTOE, "-n", 4001) == 0
    assert "a letter stands for 3 matches; faults are all shown" in shell.err
    assert sum(len(re.sub(r"tictactoe|\[.*\]|\s", "", line)) for line in letter_lines(shell.err)) == 4001 // 3
    percents = [int(re.search(r"\[ *(\d+)%\]$", line)[1]) for line in letter_lines(shell.err)]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert played(shell, *TICTACTOE, "-n", 2000)["matches"] == 2000
    assert sum(len(re.sub(r"tictactoe|\[.*\]|\s", "", line)) for line in letter_lines(shell.err)) == 2000


def letter_lines(text):
    return [line for line in text.splitlines() if line.startswith("tictactoe ")]


def test_workers_are_as_many_as_asked_for(shell):
    results = [played(shell, *TICTACTOE, "-n", 30, "--seed", BIG, "--workers", number) for number in (1, 3)]
    assert "3 workers" in shell.err
    assert results[0]["standings"] == results[1]["standings"]


# ------------------------------------------------------------------------------------------- settings


def test_db_names_the_file(shell):
    assert shell("run", "random", "first", *TICTACTOE, "-n", 2, "--db", "my runs/one.db") == 0
    assert (shell.folder / "my runs" / "one.db").is_file()
    assert not (shell.folder / ".evalengine").exists()
    assert shell.out.splitlines()[-1].endswith(" --db 'my runs/one.db'")
    assert shell("standings", "--db", "my runs/one.db") == 0


def test_p_loads_a_plugin_and_leaves_one_out(shell):
    shell.file("telling.py", LOGGING)
    assert shell("run", "random", "first", *TICTACTOE, "-n", 3, "-p", "telling") == 0
    assert sorted((shell.folder / "order.txt").read_text().split()) == ["0", "1", "2"]
    assert "telling" in shell.err
    assert shell("run", "random", "first", *TICTACTOE, "-p", "no:games") == 4
    assert 'no game or tag "tictactoe"' in shell.err


@pytest.mark.parametrize("name", ["evalengine.toml", "pyproject.toml"])
def test_settings_are_found_upwards_and_what_is_typed_wins(shell, monkeypatch, name):
    head = "[tool.evalengine]\n" if name == "pyproject.toml" else ""
    shell.file(
        name, f'{head}agents = ["random", "first"]\ngames = "tictactoe"\nn = 6\nfail_on_fault = true\nturn-s = 3\n'
    )
    below = shell.folder / "some" / "where"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert shell("run", "--format", "json") == 0
    assert json.loads(shell.out)["matches"] == 6
    assert f"config: {name}" in shell.err
    assert f"rootdir: {shell.folder}, " in shell.err
    assert shell("run", "-n", "3", "--format", "json") == 0
    assert json.loads(shell.out)["matches"] == 3
    assert shell("run", "-o", "n=4", "-o", "agents=first 'mcts(simulations=2)'", "--format", "json") == 0
    told = json.loads(shell.out)
    assert told["matches"] == 4
    assert {line["agent"] for line in told["standings"]} == {"first", "mcts-2"}
    monkeypatch.chdir(shell.folder.parent)
    assert shell("run", "--rootdir", shell.folder, "--collect-only") == 0
    assert len(shell.out.splitlines()) == 6


def test_a_pyproject_without_our_table_is_passed_over(shell, monkeypatch):
    shell.file("evalengine.toml", 'games = "rps"\n')
    shell.file("below/pyproject.toml", "[project]\nname = 'x'\n")
    monkeypatch.chdir(shell.folder / "below")
    assert shell("run", "--collect-only") == 0
    assert shell.out.startswith("rps::")


@pytest.mark.parametrize("name", ["evalengine.toml", "pyproject.toml"])
def test_plugins_have_settings_of_their_own_that_commands_leave_alone(shell, tmp_path, name):
    from evalengine.cli.settings import plugin_settings
    from evalengine.errors import ConfigError

    head = "tool.evalengine." if name == "pyproject.toml" else ""
    table = f'[{head}plugins.mine]\ncredits = 5\n[[{head}plugins.mine.providers]]\nname = "a"\n'
    shell.file(name, table)
    assert shell("run", "first", "random", "--games", "tictactoe", "-n", "2") == 0
    found = plugin_settings("mine", tmp_path / "below")
    assert found == {"credits": 5, "providers": [{"name": "a"}]}
    assert plugin_settings("other", tmp_path) == {}
    shell.file(name, f"[{head}plugins]\nmine = 7\n")
    with pytest.raises(ConfigError, match=r"mine must be a table: \[plugins.mine\]"):
        plugin_settings("mine", tmp_path)


def test_c_names_the_settings_file(shell):
    shell.file("evalengine.toml", 'games = "rps"\n')
    shell.file("other.toml", 'games = "tictactoe"\nfail-on-fault = true\ndeselect = ["x"]\n')
    shell.file("bad.py", CRASHING)
    assert shell("run", "bad.py", "--opponents", "first", "-c", "other.toml") == 1
    assert "tictactoe::" in shell.out
    assert "config: other.toml" in shell.err
    assert shell("run", "bad.py", "--opponents", "first", "-c", "other.toml", "-o", "fail_on_fault=false") == 0


def test_addopts_come_before_what_is_typed(shell, monkeypatch):
    monkeypatch.setenv("EVALENGINE_ADDOPTS", "--games 'tictactoe or rps' -n 4")
    assert len(ids(shell)) == 4
    assert len(ids(shell, "-n", 6)) == 6
    assert shell("games", "rps") == 0  # they are run's alone


# ------------------------------------------------------------------------------------------- terminals, signals


class Terminal:
    """A pseudo-terminal with `evalengine` on it."""

    def __init__(self, *arguments, cwd, env=None):
        self._master, slave = pty.openpty()
        terminal = {"TERM": "xterm-256color", "LINES": "24", **(env or {})}
        self.process = started(
            *arguments, cwd=cwd, env=terminal, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self.text = ""

    def read_until(self, word, limit_s=30):
        """Read until `word` comes, or everything to the end when it is None."""
        end = time.monotonic() + limit_s
        while word is None or word not in self.text:
            assert select.select([self._master], [], [], max(0, end - time.monotonic()))[0], self.text
            try:
                data = os.read(self._master, 65536)
            except OSError:  # Linux says so that nobody is left on the other side
                data = b""
            if not data:
                assert word is None, self.text
                break
            self.text += data.decode(errors="replace")

    def end(self):
        """Read the rest; return the exit code."""
        self.read_until(None)
        os.close(self._master)
        return self.process.wait(timeout=30)


HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


def test_a_live_display_on_a_terminal_leaves_it_as_it_was(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    plan = ("run", "slow.py", "--opponents", "first", "--games", "tictactoe or hex(size=3)", "-n", 6)
    terminal = Terminal(*plan, cwd=tmp_path)
    terminal.read_until("played")
    assert terminal.end() == 0
    text = terminal.text
    assert "all matches" in text
    assert "━" in text
    assert text.rindex(SHOW) > text.rindex(HIDE)
    assert "6 finished" in text[text.rindex(SHOW) :]
    assert "\x1b[3" in text  # colours


@pytest.mark.parametrize(
    ("options", "env", "live", "colours"),
    [
        ([], {"NO_COLOR": "1"}, True, False),
        (["--color", "no"], {}, False, False),
        ([], {"TERM": "dumb"}, False, False),
    ],
    ids=["NO_COLOR", "--color no", "dumb"],
)
def test_colours_and_display_can_be_switched_off(tmp_path, options, env, live, colours):
    terminal = Terminal("run", "random", "first", "--games", "tictactoe", "-n", 40, *options, cwd=tmp_path, env=env)
    assert terminal.end() == 0
    assert (HIDE in terminal.text) is live
    assert bool(re.search(r"\x1b\[[0-9;]*(3[0-9]|38)[0-9;]*m", terminal.text)) is colours


def test_color_yes_is_live_without_a_terminal(shell):
    assert shell("run", "random", "first", *TICTACTOE, "-n", 4, "--color", "yes") == 0
    assert "\x1b[" in shell.err
    assert "\x1b[" not in shell.out


def test_ctrl_c_on_a_terminal_saves_and_names_the_resume_command(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    terminal = Terminal("run", "slow.py", "--opponents", "first", *TICTACTOE, "-n", 200, cwd=tmp_path)
    terminal.read_until("1 played")
    os.kill(terminal.process.pid, signal.SIGINT)
    assert terminal.end() == 2
    after = terminal.text[terminal.text.rindex(SHOW) :]
    assert "nothing new begins" in terminal.text
    assert "standings" in after
    assert re.search(r"run 1 stopped with \d+ of 200 matches stored. Continue: evalengine run --resume 1", after)


OPEN = ("--sandbox", "none")  # the agent says where it is by a file


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_with_2_and_twice_at_once(tmp_path, number):
    asked = tmp_path / "asked"
    (tmp_path / "slow.py").write_text(f"open({str(asked)!r}, 'w')\n{SLOW.replace('0.1', '30')}")
    run = started(
        "run", "slow.py", "--opponents", "first", *TICTACTOE, "-n", 9, "--turn-s", "60", "-v", *OPEN, cwd=tmp_path
    )
    end = time.monotonic() + 30
    while not asked.exists():
        assert run.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)
    run.send_signal(number)
    while "nothing new begins" not in run.stderr.readline():
        assert run.poll() is None
    run.send_signal(number)
    began = time.monotonic()
    _, errors = run.communicate(timeout=20)
    assert run.returncode == 2
    assert time.monotonic() - began < 10
    assert "Traceback" not in errors
    assert "Continue: evalengine run --resume 1" in errors


def test_whoever_closes_stderr_or_stdout_does_not_end_the_run(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    done = process(
        "run", "random", "first", *TICTACTOE, "-n", 40, "--fail-under", 100, cwd=tmp_path, stdout=writer, stderr=writer
    )
    os.close(writer)
    assert done.returncode == 1
    assert json.loads(process("standings", "--format", "json", cwd=tmp_path).stdout)["matches"] == 40


def test_a_match_that_a_team_won_is_no_draw(shell):
    shell("run", "--games", "tron(teams=True)", "-n", "12", "--seed", str(1 << 50))
    letters = "".join(re.findall(r"^tron\S*teams=True\S* +([.DCTIMPFSV]+)", shell.err, re.MULTILINE))
    drawn = sum(int(line.split()[4].split("-")[1]) for line in shell.out.splitlines() if re.match(r" \d+ ", line)) // 2
    assert len(letters) == 12
    assert letters.count("D") == drawn < 12
