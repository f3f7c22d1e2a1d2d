"""Real engines, and programs that only pretend to be some: whole matches over uci, xboard and gtp."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import msgpack
import pytest
from runs import snapshot
from test_programs import log_of, only_fault

import evalengine
from evalengine import AgentError, GameError, Limits, MatchSpec
from evalengine.builtin import evalengine_load_agent as load
from evalengine.planning import find_agent
from evalengine.plugins import Plugins
from evalengine.worker import Orders, Worker

GAMES = Path(__file__).with_name("engine_games.py")
PLUGINS = Plugins()
PLUGINS.load_path(GAMES)
PATH = os.pathsep.join([os.environ["PATH"], "/usr/games", "/usr/local/games"])
SEED = 1 << 50
ENGINES = {  # by what is run: as it is run here, quick and small
    "stockfish": "uci:stockfish?nodes=5000&Hash=16",
    "fairy-stockfish": "uci:fairy-stockfish?depth=5&Hash=16",
    "fairymax": "xboard:fairymax?depth=5",
    "hoichess": "xboard:hoichess",
    "phalanx": "xboard:phalanx",
}


def installed(*programs):
    for program in programs:
        if shutil.which(program, path=PATH) is None:
            pytest.skip(f"no {program} on this machine")


@contextlib.contextmanager
def worker_of(folder, *refs, game="rook_ending", config=None, isolation="match", **limits):
    """Give a worker that plays matches between agents given as references."""
    bundled = PLUGINS.agents()
    orders = Orders(
        games=((PLUGINS.games()[game], config or {}),),
        agents=tuple(snapshot(find_agent(ref, PLUGINS, bundled), folder / "kept") for ref in refs),
        limits=Limits(**{"turn_s": 10.0, **limits}),
        isolation=isolation,
    )
    worker = Worker(orders)
    try:
        yield worker
    finally:
        worker.close()


def play(folder, *refs, **more):
    """Play one match between agents given by seat as references."""
    with worker_of(folder, *refs, **more) as worker:
        return worker.play(MatchSpec(0, 0, 0, SEED, tuple(range(len(refs)))))


def infos(played):
    return [info for _, _, info in msgpack.unpackb(played.infos)] if played.infos else []


# ---------------------------------------------------------------------------------- real engines


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_mates_with_king_and_rook(tmp_path, engine):
    # It is given a position, the moves that follow, and the answer of another program: black plays its first move.
    installed(engine)
    played = play(tmp_path, ENGINES[engine], "first", turn_s=2.0)
    assert not played.error, played.error
    assert (played.faults, played.termination) == ((), "rules"), (played.faults, log_of(played))
    assert played.scores == (1.0, -1.0)
    assert infos(played)
    for info in infos(played):
        assert {"depth", "nodes", "pv"} <= set(info) <= {"depth", "nodes", "pv", "cp", "mate"}


@pytest.mark.parametrize("engine", ["fairymax", "stockfish"])
def test_an_engine_plays_the_second_seat(tmp_path, engine):
    installed(engine)
    played = play(tmp_path, stub(tmp_path, "say(f'bestmove {next(moves)}')"), ENGINES[engine], turn_s=2.0)
    assert not played.error, played.error
    fault = only_fault(played)
    assert (played.faults[0][0], fault.detail) == (2, "'bad': not a legal action")
    assert len(infos(played)) == 1


def test_an_engine_that_claims_what_the_game_does_not_know_is_told(tmp_path):
    installed("fairymax")
    fault = only_fault(play(tmp_path, "first", ENGINES["fairymax"], config={"repetition": False}), seat=1)
    assert (fault.kind, fault.detail) == (
        "protocol",
        "broken line: it ended the match by itself: '1/2-1/2 {Draw by repetition}'",
    )


@pytest.mark.slow
def test_the_same_engine_with_a_limit_of_nodes_repeats_itself(tmp_path):
    installed("stockfish")
    one, other = (play(tmp_path, ENGINES["stockfish"], ENGINES["fairy-stockfish"]) for _ in range(2))
    assert one.actions == other.actions
    assert one.infos == other.infos


@pytest.mark.slow
@pytest.mark.parametrize("limits", [{"turn_s": 0.5}, {"turn_s": None, "match_s": 9.0}, {"turn_s": 0.5, "match_s": 9.0}])
@pytest.mark.parametrize("engine", ["uci:stockfish", "xboard:phalanx"])
def test_an_engine_without_options_thinks_within_the_limits(tmp_path, engine, limits):
    installed(engine.partition(":")[2])
    played = play(tmp_path, engine, "first", **limits)
    assert (played.faults, played.termination, played.error) == ((), "rules", "")


@pytest.mark.slow
@pytest.mark.parametrize("turn_s", [None, 0.6])
@pytest.mark.parametrize("engine", ["uci:stockfish?Hash=16", "xboard:fairymax", "xboard:hoichess", "xboard:phalanx"])
def test_an_engine_counts_on_its_increments_and_is_never_late(tmp_path, engine, turn_s):
    installed(engine.partition(":")[2].partition("?")[0])
    played = play(tmp_path, engine, "first", turn_s=turn_s, match_s=0.8, increment_s=0.3)
    assert (played.faults, played.termination, played.error) == ((), "rules", ""), log_of(played)
    if "stockfish" in engine:
        used_s = sum(msgpack.unpackb(played.think_us)[::2]) / 1e6
        assert used_s > 0.8, "what was given back is used"


def test_gnugo_plays_whole_matches(tmp_path):
    installed("gnugo")
    gnugo = "gtp:gnugo --mode gtp --level 0"
    played = play(tmp_path, gnugo, "first", game="capture_go")
    assert (played.faults, played.termination, played.error) == ((), "rules", "")
    assert played.scores == (1.0, -1.0)
    played = play(tmp_path, gnugo, gnugo, game="capture_go", config={"size": 7}, turn_s=None, match_s=60.0)
    assert (played.faults, played.error) == ((), "")


@pytest.mark.slow
def test_a_tournament_of_engines_goes_on_past_those_that_fail(tmp_path):
    installed("stockfish", "hoichess")
    stubs = {kind: f"{kind}={stub(tmp_path, STUBS[kind][0], kind)}" for kind in ("hangs", "crashes", "rubbish")}
    run = evalengine.run(
        f"{GAMES} and rook_ending",
        [ENGINES["stockfish"], ENGINES["hoichess"], *stubs.values()],
        rounds=1,
        seed=SEED,
        db=tmp_path / "arena.db",
        limits=Limits(turn_s=2.0, start_s=10.0),
    )
    assert (run.state, run.voids) == ("done", 0)
    faults = {standing.agent: standing.faults for standing in run.standings}
    assert {agent for agent, count in faults.items() if not count} == {"stockfish", "hoichess"}
    assert {standing.agent for standing in run.standings[:2]} == {"stockfish", "hoichess"}


# --------------------------------------------------------------------- kept from match to match


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["stockfish", "fairymax"])
def test_a_kept_engine_plays_as_a_fresh_one(tmp_path, engine):
    installed(engine)
    plan = [MatchSpec(number, 0, number, SEED, seats) for number, seats in enumerate([(0, 1), (1, 0), (0, 1)])]
    refs = (ENGINES[engine], "uci:stockfish?nodes=300&Hash=4" if shutil.which("stockfish", path=PATH) else "first")
    played = []
    for keep in (False, True):
        with worker_of(tmp_path, f"a={refs[0]}", f"b={refs[1]}", isolation="run" if keep else "match") as worker:
            played.append([worker.play(spec) for spec in plan])
    fresh, kept = ([(match.actions, match.faults, match.error) for match in matches] for matches in played)
    assert fresh == kept
    assert all(faults == () and not error for _, faults, error in fresh)


def test_a_kept_engine_is_one_process_until_it_makes_a_fault(tmp_path):
    # It tells its pid in its log, and makes a wrong move in its second match; the third has a process of its own.
    body = "sys.stderr.write(f'{os.getpid()} '); sys.stderr.flush(); say(f'bestmove {next(moves)}')"
    with worker_of(tmp_path, stub(tmp_path, body), "first", isolation="run") as worker:
        logs = [log_of(worker.play(MatchSpec(0, 0, 0, SEED, (0, 1), max_turns=1))) for _ in range(3)]
    assert logs[0] == logs[1] != logs[2]


# ------------------------------------------------------------------------------ stubs of engines

STUB = """
    import os, sys, time

    def say(*lines):
        print(*lines, sep="\\n", flush=True)

    def read(first):
        for line in sys.stdin:
            if line.startswith(first):
                return line

    moves = iter(["e3d3", "bad"])
    {before}
    read("uci")
    say("id name stub", "option name Hash type spin default 16 min 1 max 64")
    say("option name Own Book type check default false", "option name Clear type button")
    say("option name Style type combo default Calm var Calm var Very Wild", "uciok")
    read("isready")
    {ready}
    say("readyok")
    while line := read(("go", "isready")):
        if line.startswith("isready"):
            say("readyok")
            continue
        {body}
"""


def stub(folder, body="pass", name="stub", before="", ready=""):
    """Write an engine that does `body` when it should move; return it as a reference."""
    path = folder / f"{name}.py"
    path.write_text(dedent(STUB).format(body=body, before=before, ready=ready))
    return f"uci:{shlex.quote(sys.executable)} {shlex.quote(str(path))}"


STUBS = {  # what it does, kind of fault, detail
    "hangs": ("time.sleep(60)", "timeout", "0.50 s a turn exceeded"),
    "spins": ("while True: pass", "timeout", "0.50 s a turn exceeded"),
    "crashes": ("os.abort()", "crash", "its process ended: killed by SIGABRT"),
    "exits": ("sys.exit(3)", "crash", "its process ended: exited with status 3"),
    "rubbish": ("say('bestmove \\x1b[2J')", "illegal", "'\\x1b[2J': not a legal action"),
    "cheats": ("say('bestmove a1h8')", "illegal", "'a1h8': not a legal action"),
    "resigns": ("say('bestmove (none)')", "illegal", "it gave up: 'bestmove (none)'"),
    "empty": ("say('bestmove')", "protocol", "broken line: no move in: 'bestmove'"),
    "talks": ("while True: say('info depth 1 pv e3d3')", "timeout", "0.50 s a turn exceeded"),
    "floods": (
        "while True: os.write(1, b'x' * 4096)",
        "protocol",
        "broken line: a line of more than 65536 bytes: 'xxx",
    ),
    "closes": ("os.close(1); time.sleep(60)", "protocol", "it closed its connection"),
}


@pytest.mark.parametrize("kind", STUBS)
def test_an_engine_that_fails_loses_with_one_line_that_says_why(tmp_path, kind):
    body, fault_kind, detail = STUBS[kind]
    began = time.monotonic()
    clock = "cpu" if "while True" in body else None  # else it would be excused on a busy machine
    fault = only_fault(play(tmp_path, stub(tmp_path, body), "first", turn_s=0.5, clock=clock))
    assert fault.kind == fault_kind
    assert fault.detail.startswith(detail)
    assert fault.detail.isprintable()
    assert time.monotonic() - began < 5.0


@pytest.mark.parametrize(
    ("before", "ready", "kind", "detail"),
    [
        ("time.sleep(60)", "", "timeout", "0.50 s to start exceeded (wall)"),
        ("", "time.sleep(60)", "timeout", "0.50 s to start exceeded (wall)"),
        ("while True: say('hello')", "", "timeout", "0.50 s to start exceeded (CPU)"),
        ("", "sys.exit('no network file')", "crash", "its process ended: exited with status 1"),
    ],
)
def test_an_engine_that_does_not_start_loses(tmp_path, before, ready, kind, detail):
    clock = "cpu" if "while True" in before else None
    fault = only_fault(play(tmp_path, stub(tmp_path, before=before, ready=ready), "first", start_s=0.5, clock=clock))
    assert fault.kind == kind
    assert fault.detail.startswith(detail)


def test_an_engine_that_speaks_something_else_is_asked_about_it(tmp_path):
    path = tmp_path / "mute.py"
    path.write_text("import sys\nfor line in sys.stdin:\n    pass\n")
    for dialect, asked in (("uci", "'uci'"), ("gtp", "'1 list_commands'")):
        ref = f"mute={dialect}:{shlex.quote(sys.executable)} {shlex.quote(str(path))}"
        fault = only_fault(play(tmp_path, ref, "first", start_s=0.5))
        assert f"; no answer to {asked}: does it speak {dialect}?" in fault.detail


def test_a_slow_start_is_not_counted_as_a_turn(tmp_path):
    played = play(tmp_path, stub(tmp_path, "say(f'bestmove {next(moves)}')", before="time.sleep(0.6)"), "first",
                  turn_s=0.3, match_s=0.3)  # fmt: skip
    fault = only_fault(played)
    assert played.faults[0][0] == 2
    assert (fault.kind, fault.detail) == ("illegal", "'bad': not a legal action")


def test_thousands_of_lines_before_a_move_cost_little(tmp_path):
    info = "info depth {n} score cp -5 nodes {n} nps 1 time 2 pv e3d3 e5d5"
    body = f"say(*[f'{info}' for n in range(20_000)], f'bestmove {{next(moves)}}')"
    played = play(tmp_path, stub(tmp_path, body), "first")
    assert infos(played)[0] == {"depth": 19_999, "cp": -5, "nodes": 19_999, "pv": "e3d3 e5d5"}


def test_bytes_that_are_no_text_can_be_stored(tmp_path):
    body = "os.write(1, bytes([*b'info depth 1 pv ', 255, 254, 10])); say(f'bestmove {next(moves)}')"
    assert infos(play(tmp_path, stub(tmp_path, body), "first")) == [{"depth": 1, "pv": "??"}]


@pytest.mark.parametrize(
    ("options", "detail"),
    [
        ("Hsh=16", "the engine has no option 'Hsh'; did you mean 'Hash'?"),
        ("hash=100", "the engine's option 'Hash' is a whole number from 1 to 64, not '100'"),
        ("Hash=much", "the engine's option 'Hash' is a whole number from 1 to 64, not 'much'"),
        ("Own%20Book=1", "the engine's option 'Own Book' is true or false, not '1'"),
        ("Style=Mild", "the engine's option 'Style' is one of Calm, Very Wild, not 'Mild'"),
    ],
)
def test_an_option_that_the_engine_does_not_take_is_told(tmp_path, options, detail):
    fault = only_fault(play(tmp_path, f"{stub(tmp_path)}?{options}", "first"))
    assert (fault.kind, fault.detail) == ("protocol", detail)


def test_options_reach_the_engine_as_it_spells_them(tmp_path):
    # What it reads until `isready` is written to its log.
    told = "sys.stdin = (sys.stderr.write(line) and line for line in sys.stdin)"
    ref = f"{stub(tmp_path, before=told)}?hash=32&Own Book=true&Style=very wild&Clear&depth=7&nodes=9"
    lines = log_of(play(tmp_path, ref, "first", turn_s=0.5)).splitlines()
    assert lines[:6] == [
        "uci",
        "setoption name Hash value 32",
        "setoption name Own Book value true",
        "setoption name Style value very wild",
        "setoption name Clear",
        "ucinewgame",
    ]
    assert lines[-2].startswith("position fen 8/8/8/4k3/8/4K3/8/R7 w - - 0 1")
    assert lines[-1] == "go nodes 9 depth 7"


def test_a_game_that_breaks_its_promise_voids_the_match(tmp_path):
    played = play(tmp_path, stub(tmp_path), "first", config={"broken": True})
    assert played.termination == "void"
    told = "its view has no 'variant': a game with the tag 'uci' must show it"
    assert played.error.splitlines()[0] == f"{GameError.__name__}: {told}"


# ------------------------------------------------------------------------------------ references


def test_a_reference_holds_the_program_its_arguments_and_options(tmp_path):
    (tmp_path / "net.bin").write_bytes(b"1")
    agent = load(f"uci:sh -c true?Hash=16&EvalFile={tmp_path}/net.bin&Skill Level=3&Empty=&depth=4")
    assert agent.argv[1:] == ("-c", "true")
    assert agent.options == {
        "Hash": "16", "EvalFile": f"{tmp_path}/net.bin", "Skill Level": "3", "Empty": "", "depth": "4",
    }  # fmt: skip
    assert (agent.dialect, agent.fits, agent.kind, agent.name) == ("uci", "uci", "program", "sh")
    assert load("gtp:sh --mode gtp").fits == "gtp"
    assert load("xboard:sh").dialect == "xboard"
    assert load("plain:sh a?b").argv[1:] == ("a?b",)


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("uci:?Hash=16", "names no program; write uci:PROGRAM ARGS"),
        ("uci:no-such-engine?Hash=16", "the program 'no-such-engine' was not found"),
        ("uci:sh?", "'' is no option; write ?NAME=VALUE&NAME=VALUE"),
        ("uci:sh?Hash=16&", "'' is no option"),
        ("uci:sh?=16", "'=16' is no option"),
        ("uci:sh?a=b%0Aquit", "'a=b%0Aquit' is no option"),
        ("uci:sh?Hash=16&hash=32", "the option 'hash' is given twice"),
        ("uci:sh?nodes=0", "nodes must be a whole number from 1, not '0'"),
        ("uci:sh?nodes=many", "nodes must be a whole number from 1, not 'many'"),
        ("xboard:sh?depth=1.5", "depth must be a whole number from 1, not '1.5'"),
    ],
)
def test_a_reference_that_cannot_be_used_is_told(ref, message):
    with pytest.raises(AgentError) as caught:
        load(ref)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_version_of_an_engine_follows_its_options_and_their_files(tmp_path):
    def version(ref):
        return snapshot(load(ref), tmp_path / "kept").version

    net = tmp_path / "net.bin"
    net.write_bytes(b"1")
    refs = ["uci:sh", "cmd:sh", "xboard:sh", "uci:sh?Hash=16", "uci:sh?Hash=32", f"uci:sh?EvalFile={net}"]
    versions = [version(ref) for ref in refs]
    assert len(set(versions)) == len(refs)
    assert [version(ref) for ref in refs] == versions
    net.write_bytes(b"2")
    assert version(refs[-1]) != versions[-1]


def test_a_folder_among_the_options_is_read_in_place_and_said(tmp_path):
    agent = load(f"uci:sh?SyzygyPath={tmp_path}")
    assert not agent.pinned
    assert agent.note == "SyzygyPath: read in place, so results with it are never used again"
    assert load("uci:sh?Hash=16").pinned


def test_an_engine_refuses_games_that_it_cannot_play_before_the_run(tmp_path):
    with pytest.raises(AgentError, match="agent 'sh' plays only games that are 'uci': none of connect4 is"):
        evalengine.run("connect4", ["uci:sh", "random"], 2, SEED, db=tmp_path / "arena.db")


def test_a_resumed_run_knows_how_its_programs_speak(tmp_path):
    mover, breaker = (
        stub(tmp_path, "say(f'bestmove {next(moves)}')", "mover"),
        stub(tmp_path, STUBS["exits"][0], "breaker"),
    )
    command = [sys.executable, "-m", "evalengine", "run"]
    plan = [f"{mover}?Hash=2", breaker, "--games", f"{GAMES} and rook_ending", "-n", "6", "-x"]
    first = subprocess.run([*command, *plan], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert first.returncode == 2, first.stderr
    again = [*command, "--resume", "--format", "json"]
    ended = subprocess.run(again, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout)["matches"] == 6
    with contextlib.closing(sqlite3.connect(tmp_path / ".evalengine" / "arena.db")) as db:
        details = {detail for (detail,) in db.execute("select detail from fault")}
    assert details <= {"'bad': not a legal action", "its process ended: exited with status 3"}
