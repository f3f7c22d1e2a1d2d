"""Bad input: each wrong thing ends in one line that says what, where and what to do, and leaves nothing behind."""

import json
import resource
import sqlite3
import zipfile

import pytest
from commandline import CRASHING, FIRST, SLOW, Shell, process, started

import evalengine.runs
from evalengine.store import Store

PLUGIN = """
from evalengine import GameSpec, hookimpl

@hookimpl
def evalengine_games():
    return [GameSpec(name="tictactoe", version="1", doc="Mine.", factory="mine:Game", max_turns=9)]
"""
RUN = ("run", "--games", "tictactoe", "-n", "2")


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("EVALENGINE_ADDOPTS", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    return Shell(tmp_path, capsys)


@pytest.fixture
def wrongs(shell):
    """A folder of wrong files."""
    shell.file("bot.py", FIRST)
    shell.file("broken.py", "def act(observation):\n    return (1\n\n")
    shell.file("nothing.py", "BOARD = 3\ndef helper():\n    pass\n")
    shell.file("empty.py", "")
    shell.file("text.txt", "hello")
    shell.file("folder/readme.md", "no agent here")
    shell.file("zipped.zip", "this is no zip")
    shell.file("two/agent.py", FIRST)
    shell.file("also/two/agent.py", FIRST)
    (shell.folder / "binary.py").write_bytes(bytes(range(256)))
    (shell.folder / "latin.py").write_bytes("NAME = 'caf\xe9'\ndef act(o): return 0\n".encode("latin-1"))
    with zipfile.ZipFile(shell.folder / "hollow.zip", "w") as archive:
        archive.writestr("readme.md", "no agent here")
    shell.file("bad.toml", "games = [\n")
    shell.file("near.toml", 'gamse = "tictactoe"\n')
    shell.file("typed.toml", 'n = "many"\n')
    shell.file("half.toml", "n = 2.5\n")
    shell.file("list.toml", "n = [1, 2]\n")
    shell.file("yes.toml", "n = true\n")
    shell.file("flat.toml", 'deselect = [1]\nfail_under = "x"\n')
    shell.file("proj/pyproject.toml", "[tool]\nevalengine = 3\n")
    (shell.folder / "latin.toml").write_bytes(b'games = "\xe9"\n')
    shell.file("failing.py", "import no_such_module\n")
    shell.file("clash.py", PLUGIN)
    shell.file("text.db", "this is no database, but long enough to be looked at" * 40)
    return shell


BAD_RUNS = [
    # names
    (["--games", "stratgy"], 'no game or tag "stratgy". Did you mean "strategy"? See: evalengine games'),
    (["--games", "tictactoee"], 'Did you mean "tictactoe"?'),
    (["--games", "openspeil:chess"], 'no game or tag "openspeil:chess"'),
    (["randm"], 'no agent "randm". Did you mean "random"?'),
    (["random", "--opponents", "gredy"], 'Did you mean "greedy"?'),
    (["--rater", "truskill"], 'no rater "truskill". Did you mean "trueskill"?'),
    (["--pairing", "roundrobin"], 'Did you mean "round-robin"?'),
    (["--format", "jsn"], 'no reporter "jsn". Did you mean "json"?'),
    (["--opening", "rand:2"], "write none or random:K"),
    (["line\nbreak"], 'no agent "line break"'),
    (["esc\x1b[2Jape"], 'no agent "esc\N{REPLACEMENT CHARACTER}[2Jape"'),
    (["random", "random"], "two agents are called 'random': name them, as in a=REF b=REF"),
    (["a-vs-b=random"], "is no name for an agent"),
    (["two/agent.py", "also/two/agent.py"], "two agents are called 'two'"),
    (["two/agent.py", "two/agent.py"], "two agents are called 'agent'"),
    # configurations
    (["--games", "hex(sise=5)"], 'Did you mean "size"?'),
    (["--games", "hex(size=1000)"], "size must be from"),
    (["--games", "hex(size=big)"], "size must be of type integer"),
    (["--games", "hex(size=True)"], "size must be of type integer"),
    (["--games", "hex(size)"], "write the configuration as key=value"),
    (["--games", "tron(seats=9)"], "seats must be from 2 to 4"),
    (["mcts(simulations=0)"], "simulations must be from 1"),
    (["mcts(depth=3)"], "no parameter of agent 'mcts' \"depth\""),
    (["minimax(depth=nan)"], "depth must be of type integer"),
    # expressions
    (["--games", "strategy and"], "is no expression"),
    (["--games", "(strategy"], "is no expression"),
    (["--games", ""], "which games?"),
    (["-k", "and and"], "is no expression"),
    # numbers
    (["-n", "0"], "0 is not in the range"),
    (["-n", "-3"], "-3 is not in the range"),
    (["-n", "nan"], "'nan' is not a valid integer"),
    (["-n", "1" + "0" * 30], "is not in the range"),
    (["--rounds", "0"], "0 is not in the range"),
    (["--rounds", "2"], "-n and --rounds exclude each other"),
    (["--seed", "-1"], "--seed must be from 0 to 2**63 - 1, not -1"),
    (["--seed", str(1 << 63)], "--seed must be from 0 to 2**63 - 1"),
    (["--seed", "x"], "'x' is not a valid integer"),
    (["--workers", "0"], "0 is not in the range"),
    (["--workers", "99999999"], "is not in the range"),
    (["--turn-s", "nan"], "--turn-s must be from 0.001 to 1000000000 seconds, or none for no limit, not nan"),
    (["--turn-s", "inf"], "'inf' is no number; write none for no limit"),
    (["--turn-s", "soon"], "'soon' is no number; write none for no limit"),
    (["--turn-s", "0"], "--turn-s must be from 0.001 to 1000000000 seconds, or none for no limit, not 0"),
    (["--start-s", "-1"], "--start-s must be from 0.001"),
    (["--match-s", "1e300"], "--match-s must be from 0.001"),
    (["--increment-s", "-1", "--match-s", "9"], "--increment-s must be from 0 to 1000000000 seconds, not -1"),
    (["--increment-s", "1"], "--increment-s is given back to --match-s, which has no limit: give both"),
    (["--memory-mib", "-5"], "--memory-mib must be from 16"),
    (["--memory-mib", "1"], "--memory-mib must be from 16 to 1073741824 MiB, or none for no limit, not 1"),
    (["--memory-mib", "64.5"], "'64.5' is no whole number; write none for no limit"),
    (["--processes", "0"], "--processes must be from 1 to 4096 processes"),
    (["-o", "procs=0"], "--processes must be from 1 to 4096 processes"),
    (["--tmp-mib", "0"], "--tmp-mib must be from 1 to 1048576 MiB"),
    (["--log-kib", "none"], "--log-kib must be from 0 to 65536 KiB, not none"),
    (["--clock", "sun"], "'sun' is not one of 'cpu', 'wall'"),
    (["bot.py", "-o", "bto.turn_s=3"], 'no agent of this run "bto". Did you mean "bot"?'),
    (["bot.py", "-o", "bot.turn_s=0"], "bot.turn_s must be from 0.001"),
    (["bot.py", "-o", "bot.turn_s=x"], "-o bot.turn_s: 'x' is no number"),
    (["bot.py", "-o", "bot.increment_s=1"], "bot.increment_s is given back to bot.match_s, which has no limit"),
    (["bot.py", "-o", "bot.trun_s=1"], 'no setting in -o bot: "trun_s". Did you mean "turn_s"?'),
    (["bot.py", "-o", "bot.seed=1"], "-o bot.seed: an agent's own can be turn_s, start_s"),
    (["random", "-o", "random.turn_s=1"], "agent 'random' has no limits: it is trusted"),
    (["--fail-under", "nan", "random"], "--fail-under must be a number, not nan"),
    (["--fail-under", "50"], "--fail-under is about the first agent that is named"),
    (["--maxfail", "-1"], "-1 is not in the range"),
    (["--durations", "-1"], "-1 is not in the range"),
    (["-r", "X"], "'X' is none of"),
    (["--sandbox", "jail"], 'no sandbox "jail"'),
    (["--gmes", "hex"], "No such option"),
    (["--lf", "--ff"], "--lf and --ff exclude each other"),
    (["--dry-run", "--collect-only"], "exclude each other"),
    # files
    (["missing.py"], "there is no file or folder 'missing.py'"),
    (["folder"], "folder holds no agent.py or main.py"),
    (["broken.py"], "broken.py:2 SyntaxError: '(' was never closed\n        return (1\n               ^"),
    (["binary.py"], "binary.py"),
    (["latin.py"], "latin.py"),
    (["empty.py"], "empty.py has no agent: define act(observation) or class Agent. Found: nothing"),
    (["nothing.py"], "Found: BOARD, helper"),
    (["bot.py:Missing"], "bot.py has no 'Missing'. Found: act"),
    (["text.txt"], "text.txt is no Python file, folder or zip"),
    (["zipped.zip"], "zipped.zip: a broken or unsupported zip"),
    (["hollow.zip"], "holds no agent.py or main.py"),
    (["cmd:"], "names no program"),
    (["cmd:no-such-program"], "the program 'no-such-program' was not found"),
    (["cmd:./text.txt"], "is not executable"),
    (["cmd:'half"], "No closing quotation"),
    (["--games", "./nowhere.py"], "there is no plugin at"),
    (["--games", "./bot.py"], "lists no game of its own"),
    # databases
    (["--db", "folder"], "is a directory"),
    (["--db", "text.db"], "is not an evalengine database"),
    (["--db", "/proc/nowhere/arena.db"], "Name another database with --db"),
    (["--lf"], "there is no database"),
    # settings
    (["-c", "missing.toml"], "-c missing.toml: there is no such file"),
    (["-c", "folder"], "there is no such file"),
    (["-c", "bad.toml"], "bad.toml: "),
    (["-c", "latin.toml"], "latin.toml: "),
    (["-c", "near.toml"], 'no setting in near.toml: "gamse". Did you mean "games"?'),
    (["-c", "typed.toml"], "typed.toml: n: 'many' is not a valid integer"),
    (["-c", "half.toml"], "half.toml: n: '2.5' is not a valid integer"),
    (["-c", "list.toml"], "list.toml: n: [1, 2] is not possible here"),
    (["-c", "yes.toml"], "yes.toml: n: True is not possible here"),
    (["-c", "flat.toml"], "flat.toml: deselect: a list of texts is needed"),
    (["--rootdir", "proj"], "evalengine must be a table"),
    (["--rootdir", "missing"], "does not exist"),
    (["-o", "gamse=hex"], 'no setting in -o: "gamse". Did you mean "games"?'),
    (["-o", "games"], "-o games: write -o key=value"),
    (["-o", "n=many"], "-o n: 'many' is not a valid integer"),
    # plugins
    (["-p", "no_such_plugin"], "-p no_such_plugin: no installed plugin has this name"),
    (["-p", "failing"], "No module named 'no_such_module'"),
    (["-p", "clash"], "game 'tictactoe' is registered by 'games' and by 'clash'. Uninstall one"),
    (["-p", "no:builtin"], "no reporter"),
]


@pytest.mark.parametrize(("more", "told"), BAD_RUNS, ids=ascii)
def test_a_wrong_run_is_refused_in_one_line_and_leaves_nothing_behind(wrongs, more, told):
    before = sorted(path.name for path in wrongs.folder.iterdir())
    code = wrongs(*RUN, *more)
    assert_refused(wrongs, code, told)
    assert [name for name in sorted(path.name for path in wrongs.folder.iterdir()) if name != "__pycache__"] == before


def assert_refused(shell, code, told):
    first, *rest = shell.err.splitlines()
    assert first.startswith("error: ")
    assert all(line.startswith(("    ", "Usage: evalengine", "      ")) for line in rest), shell.err
    assert told in shell.err
    assert shell.err.count("error: ") == 1
    assert "Traceback" not in shell.err
    assert shell.out == ""
    assert code == 4


NOTHING = [
    (["-k", "chess"], "no match is left after -k, --deselect and --lf"),
    (["--deselect", "tictactoe"], "no match is left"),
    (["--games", "cards and strategy"], "no game fits 'cards and strategy'"),
    (["random", "--opponents", "none"], "tictactoe needs 2 agents, 1 fit"),
]


@pytest.mark.parametrize(("more", "told"), NOTHING, ids=ascii)
def test_an_empty_plan_ends_with_5(shell, more, told):
    assert shell(*RUN, *more) == 5
    assert shell.err.startswith("error: ")
    assert told in shell.err
    assert len(shell.err.splitlines()) == 1
    assert list(shell.folder.iterdir()) == []


OTHERS = [
    (["rnu"], 'no command "rnu". Did you mean "run"? See: evalengine --help'),
    (["games", "stratgy"], 'Did you mean "strategy"?'),
    (["standings"], "there is no database '.evalengine/arena.db' yet"),
    (["standings", "--db", "text.db"], "is not an evalengine database"),
    (["standings", "--db", "zero.db"], "zero.db is empty"),
    (["standings", "x"], "'x' is not a valid integer"),
    (["standings", "--db", "arena.db", "7"], "has no run 7; the latest is 1"),
    (["standings", "--db", "arena.db", str(1 << 70)], "has no run"),
    (
        ["standings", "--db", "arena.db", "--game", "tictacto"],
        'no game in run 1: "tictacto". Did you mean "tictactoe"?',
    ),
    (["standings", "--db", "arena.db", "--format", "xml"], 'no reporter "xml"'),
    (["show", "0"], "there is no database"),
    (["show", "--db", "arena.db", "nonsense"], "'nonsense' names no match"),
    (["show", "--db", "arena.db", ""], "names no match"),
    (["show", "--db", "arena.db", "99"], "run 1 has no stored match 99"),
    (["show", "--db", "arena.db", "9" * 40], "has no stored match"),
    (["show", "--db", "arena.db", "7/0"], "has no run 7"),
    (
        ["show", "--db", "arena.db", "tictactoe::first-vs-greedy[0]"],
        "match 0 of run 1 is 'tictactoe::random-vs-first[0]'",
    ),
    (["show", "--db", "arena.db", "tictactoe::random-vs-first"], "names no match"),
    (["show"], "Missing argument 'MATCH'"),
    (["replay", "--db", "arena.db", "0", "--turn", "99"], "--turn must be at most that, not 99"),
    (["run", "--db", "arena.db", "--resume", "7"], "has no run 7"),
    (["run", "--db", "arena.db", "--resume", "0"], "--resume 0: a run is a number from 1"),
    (["run", "--db", "arena.db", "--resume", "x"], "--resume x: a run is a number"),
    (["run", "--db", "arena.db", "--resume", "--seed", "3"], "--resume takes --seed from the stored run"),
    (["run", "--db", "arena.db", "--resume", "1", "random"], "--resume takes AGENT from the stored run"),
    (["run", "--db", "arena.db", "--resume", "-o", "turn_s=3"], "--resume takes --turn-s from the stored run"),
    (["run", "--db", "arena.db", "--resume", "-o", "first.turn_s=3"], "--resume takes first.turn_s from the stored"),
    (["run", "--db", "arena.db", "--lf", "-n", "3"], "--lf and --ff play run 1 again, whose -n was 4"),
    (["run", "--db", "newer.db", "--games", "rps"], "was written by a newer evalengine"),
    (["run", "--db", "foreign.db", "--games", "rps"], "is a database of something else"),
]


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A folder with databases."""
    folder = tmp_path_factory.mktemp("stored")
    done = process(
        "run", "random", "first", "--games", "tictactoe", "-n", 4, "--seed", 9, "--db", "arena.db", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    (folder / "zero.db").touch()
    (folder / "text.db").write_text("this is no database, but long enough to be looked at" * 40)
    with sqlite3.connect(folder / "foreign.db") as foreign:
        foreign.execute("create table mine (value)")
    foreign.close()
    Store(folder / "newer.db").close()
    newer = sqlite3.connect(folder / "newer.db")
    newer.execute("pragma user_version = 99")
    newer.close()
    return folder


@pytest.mark.parametrize(("arguments", "told"), OTHERS, ids=ascii)
def test_other_commands_refuse_in_one_line_and_change_nothing(shell, stored, monkeypatch, arguments, told):
    monkeypatch.chdir(stored)
    before = {path.name: path.read_bytes() for path in stored.iterdir() if path.suffix == ".db"}
    assert_refused(shell, shell(*arguments), told)
    assert {path.name: path.read_bytes() for path in stored.iterdir() if path.suffix == ".db"} == before


def test_addopts_that_are_no_shell_words_are_named(shell, monkeypatch):
    monkeypatch.setenv("EVALENGINE_ADDOPTS", "--games 'half")
    assert_refused(shell, shell("run"), "EVALENGINE_ADDOPTS=--games 'half: No closing quotation")


def test_an_installed_plugin_that_fails_is_reported_and_left_out_unless_asked_for(tmp_path):
    (tmp_path / "failing.py").write_text("import no_such_module\n")
    info = tmp_path / "failing-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: failing\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[evalengine]\nfailing = failing\n")
    env = {"PYTHONPATH": str(tmp_path)}
    listed = process("games", cwd=tmp_path, env=env)
    assert listed.returncode == 0
    assert listed.stderr == (
        "warning: plugin 'failing' was left out: ModuleNotFoundError: No module named 'no_such_module'\n"
    )
    assert "tictactoe" in listed.stdout
    told = json.loads(process("plugins", "--format", "json", cwd=tmp_path, env=env).stdout)
    assert list(told["left_out"]) == ["failing"]
    assert process("games", "-p", "no:failing", cwd=tmp_path, env=env).stderr == ""
    asked = process("games", "-p", "failing", cwd=tmp_path, env=env)
    assert asked.returncode == 4
    assert asked.stderr.startswith("error: plugin 'failing' cannot be loaded: ModuleNotFoundError")
    assert len(asked.stderr.splitlines()) == 1


def test_a_bug_of_ours_keeps_its_traceback_and_ends_with_3(shell, monkeypatch):
    def bug(*_args, **_options):
        raise ZeroDivisionError

    monkeypatch.setattr(evalengine.runs, "begin", bug)
    assert shell(*RUN, "random", "first") == 3
    assert "ZeroDivisionError" in shell.err
    assert shell.err.splitlines()[-1].startswith("error: this is a bug of evalengine")


def test_a_second_process_on_the_same_run_is_refused_with_the_pid(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    first = started("run", "slow.py", "--opponents", "first", "--games", "connect4", "-n", 50, cwd=tmp_path)
    try:
        assert first.stderr.readline()  # the header: it holds the run
        second = process("run", "--resume", "1", cwd=tmp_path)
    finally:
        first.kill()
        first.communicate()
    assert second.returncode == 4
    assert second.stderr.startswith(f"error: run 1 is being written by pid {first.pid} since ")
    assert len(second.stderr.splitlines()) == 1


def test_a_full_disk_ends_the_run_with_2_and_what_was_stored_is_resumed(tmp_path):
    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    plan = ("run", "random", "first", "--games", "othello", "-n", 1500, "--seed", 3)
    full = process(*plan, cwd=tmp_path, preexec_fn=small_files)
    assert full.returncode == 2
    *_, command, error = full.stderr.splitlines()
    assert error.startswith("error: .evalengine/arena.db cannot be written: ")
    assert command.startswith("run 1 stopped with ")
    assert command.endswith("Continue: evalengine run --resume 1")
    assert "Traceback" not in full.stderr
    whole = process("run", "--resume", "1", "--format", "json", cwd=tmp_path)
    assert whole.returncode == 0
    resumed = json.loads(whole.stdout)
    assert resumed["matches"] == 1500
    assert f"{int(command.split()[4])} matches were played already" in whole.stderr
    assert resumed["standings"] == json.loads(process(*plan, "--format", "json", cwd=tmp_path).stdout)["standings"]


def test_what_an_agent_says_never_reaches_the_terminal_raw(shell):
    shell.file("loud.py", CRASHING.replace("'lost'", r"'\x1b[2J\x07[red]lost[/red]\nand more'").replace(
        "    if", "    print('\\x1b]0;title\\x07')\n    if", 1
    ))  # fmt: skip
    assert shell(*RUN, "loud.py", "--opponents", "random", "--tb", "long", "-v") == 0
    texts = [shell.out, shell.err]
    for command in ("show", "replay"):
        assert shell(command, "0") == 0
        texts += [shell.out, shell.err]
    assert "[red]lost[/red]" in texts[0]
    for text in texts:
        assert all(char.isprintable() or char == "\n" for char in text)
