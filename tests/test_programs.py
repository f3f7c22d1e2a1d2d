"""Programs in any language: the protocol of docs/programs.md, and what becomes of programs that break it."""

import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from textwrap import dedent, indent

import msgpack
import pytest
from runs import snapshot

import evalengine
from evalengine import AgentError, Limits, MatchSpec, seeding
from evalengine.builtin import evalengine_load_agent
from evalengine.model import Orders
from evalengine.planning import find_agent
from evalengine.plugins import Plugins
from evalengine.processes import Zygote
from evalengine.worker import Worker

PLUGINS = Plugins()
ZYGOTE = Zygote()
EXAMPLES = Path(__file__).parent.parent / "examples"
SEED = 1 << 50


def play(folder, *refs, game="tictactoe", config=None, **limits):
    """Play one match between agents given by seat as references; their copies are kept in `folder`."""
    bundled = PLUGINS.agents()
    orders = Orders(
        games=((PLUGINS.games()[game], config or {}),),
        agents=tuple(snapshot(find_agent(ref, PLUGINS, bundled), folder / "kept") for ref in refs),
        limits=Limits(**{"turn_s": 10.0, "clock": "wall", **limits}),
    )
    worker = Worker(orders)
    worker._zygote.close()
    worker._zygote = ZYGOTE  # as a worker that plays many matches: starting one takes longer than most of them
    return worker.play(MatchSpec(0, 0, 0, SEED, tuple(range(len(refs)))))


def program(folder, body, before="", name="bot"):
    """Write a program that does `body` with each question; return it as a reference."""
    source = dedent(f"""
        import json, os, signal, subprocess, sys, time

        def say(answer):
            print(answer if isinstance(answer, str) else json.dumps(answer), flush=True)

        {before}
        for line in sys.stdin:
            message = json.loads(line)
            if message["type"] == "act":
                legal = message["legal"]
        """)
    path = folder / f"{name}.py"
    path.write_text(source + indent(dedent(body).strip(), " " * 8) + "\n")
    return f"cmd:{shlex.quote(sys.executable)} {shlex.quote(str(path))}"


def play_program(folder, body, before="", **fields):
    """Play a program in seat 0 against the bundled agent `first`."""
    return play(folder, program(folder, body, before), "first", **fields)


def only_fault(played, seat=0):
    """Return the only fault of a match, which is that of `seat` and has lost it the match."""
    assert not played.error
    assert played.termination == "fault"
    ((_, faulty, fault),) = played.faults
    assert faulty == seat
    assert played.scores[faulty] == min(played.scores) < max(played.scores)
    return fault


def log_of(played, seat=0):
    return {(number, name): text for number, name, text in played.logs}.get((seat, "stderr"), "")


def children():
    """Return the processes whose parent is this one, zombies left out."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and parent_of(int(entry.name)) == os.getpid():
            found.add(int(entry.name))
    return found


def parent_of(pid):
    """Return the parent of a process that lives, else None."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[1])


def wait_until(condition, limit_s=5.0):
    """Wait until `condition` holds; say whether it does."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


@pytest.fixture(scope="module", autouse=True)
def _zygote():
    ZYGOTE._connect()
    yield
    ZYGOTE.close()


@pytest.fixture(autouse=True)
def _no_process_is_left():
    before = children()
    yield
    assert wait_until(lambda: children() <= before), f"left behind: {children() - before}"
    assert not ZYGOTE.awaited


# -------------------------------------------------------------------------------------- examples


@pytest.fixture(scope="session")
def c_bot(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler (cc, gcc) on this machine")
    binary = tmp_path_factory.mktemp("c") / "bot"
    options = ["-O2", "-std=c11", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([compiler, *options, "-o", binary, EXAMPLES / "c" / "bot.c"], check=True)
    return f"c=cmd:{shlex.quote(str(binary))}"


@pytest.fixture(scope="session")
def js_bot():
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine")
    return f"js=cmd:{shlex.quote(node)} {shlex.quote(str(EXAMPLES / 'javascript' / 'bot.js'))}"


GAMES = [
    "connect4",
    "tictactoe",
    "othello",
    "rps(rounds=4)",
    "tron(seats=3, size=7)",
    str(EXAMPLES / "game" / "nim.py"),
]


def test_the_c_example_plays_any_game_of_integers(tmp_path, c_bot):
    blobs = []
    for workers in (1, 2):
        run = evalengine.run(
            GAMES, [c_bot, "random", "first"], 72, SEED, db=tmp_path / f"{workers}.db", workers=workers
        )
        assert (run.state, run.played, run.voids, run.faults.total(), run.unsteady) == ("done", 72, 0, 0, [])
        blobs.append(actions(tmp_path / f"{workers}.db"))
    assert blobs[0] == blobs[1]


def test_the_javascript_example_plays_a_tournament(tmp_path, js_bot):
    db = tmp_path / "arena.db"
    run = evalengine.run(["connect4", "tictactoe"], [js_bot, "random"], 8, SEED, db=db, workers=2)
    assert (run.state, run.played, run.voids, run.faults.total(), run.unsteady) == ("done", 8, 0, 0, [])
    with sqlite3.connect(db) as connection:
        logs = [text for (text,) in connection.execute("select text from log where stream = 'stderr'")]
        infos = [msgpack.unpackb(info) for (info,) in connection.execute("select info from match")]
    connection.close()
    assert len(logs) == 8
    assert all(": place " in text for text in logs)
    assert all(set(info) == {"choices"} for match in infos for _, _, info in match)


def actions(db):
    with sqlite3.connect(db) as connection:
        found = dict(connection.execute("select id, actions from match"))
    connection.close()
    return found


# -------------------------------------------------------------------------------------- protocol


def test_the_messages_have_the_documented_fields_in_their_order(tmp_path):
    body = "say(legal[0])"
    echo = "sys.stdin = (sys.stderr.write(line) and line for line in sys.stdin)"
    played = play_program(tmp_path, body, echo, game="connect4", config={"columns": 5}, match_s=60.0)
    assert not played.faults, played.faults
    lines = log_of(played).splitlines()
    assert all(" " not in line for line in lines)
    start = json.loads(lines[0])
    seed = start.pop("seed")
    assert 0 <= seed < 1 << 63
    assert seed == seeding.derive_each(SEED, "agents", 2)[0]
    assert list(start.items()) == [
        ("type", "start"),
        ("game", "connect4"),
        ("config", {"columns": 5, "rows": 6, "inarow": 4}),
        ("information", "perfect"),
        ("seat", 0),
        ("seats", 2),
        ("sides", [[0], [1]]),
        ("turn_s", 10.0),
        ("match_s", 60.0),
        ("increment_s", 0.0),
        ("clock", "wall"),
        ("past", []),
    ]
    act = json.loads(lines[1])
    assert 9.0 < act.pop("clock_s") <= 10.0
    assert list(act.items()) == [
        ("type", "act"),
        ("turn", 0),
        ("seat", 0),
        ("legal", [0, 1, 2, 3, 4]),
        ("view", {"board": [0] * 30, "mark": 1}),
    ]
    assert [json.loads(line)["turn"] for line in lines[1:-1]] == list(range(0, played.turns, 2))
    assert list(json.loads(lines[-1]).items()) == [
        ("type", "end"),
        ("scores", list(played.scores)),
        ("places", list(played.places)),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        "legal[0]",
        "{'action': legal[0]}",
        "{'action': legal[0], 'info': None, 'more': 1}",
        "f' {legal[0]}\\t\\r'",
        "'{\"action\":%d}' % legal[0]",
    ],
)
def test_an_answer_is_a_value_or_an_object_with_an_action(tmp_path, answer):
    played = play_program(tmp_path, f"say({answer})")
    assert not played.faults, played.faults
    assert played.infos is None


def test_the_info_of_an_answer_is_stored(tmp_path):
    played = play_program(tmp_path, "say({'action': legal[0], 'info': {'depth': message['turn']}})")
    assert msgpack.unpackb(played.infos) == [[turn, 0, {"depth": turn}] for turn in (0, 2, 4, 6)]


def test_a_program_learns_the_end_and_may_end_by_itself(tmp_path):
    # What comes after the loop is reached when the engine closes the input.
    path = program(tmp_path, "say(legal[0])")
    with (tmp_path / "bot.py").open("a") as file:
        file.write(
            "    if message['type'] == 'end': print(message['places'], file=sys.stderr)\nsys.stderr.write('bye')\n"
        )
    played = play(tmp_path, path, "first")
    assert log_of(played) == "[1, 2]\nbye"


def test_a_program_that_does_not_end_is_ended(tmp_path):
    began = time.monotonic()
    played = play_program(tmp_path, "say(legal[0])\n", "import atexit; atexit.register(time.sleep, 60)")
    assert not played.faults
    assert time.monotonic() - began < 5.0


def test_a_program_has_a_clean_place_to_run_in(tmp_path):
    body = """
        print(sorted(os.environ), file=sys.stderr)
        print(os.environ["TMPDIR"] == os.environ["HOME"], os.getcwd(), sys.argv, file=sys.stderr)
        print(sorted(map(int, os.listdir("/proc/self/fd"))), file=sys.stderr)
        print(len(open(sys.argv[1]).read()), file=sys.stderr)
        say(legal[0])
    """
    (tmp_path / "weights.txt").write_text("12345")
    ref = program(tmp_path, body) + f" {shlex.quote(str(tmp_path / 'weights.txt'))} --depth 3"
    played = play(tmp_path, ref, "first")
    assert not played.faults, (played.faults, log_of(played))
    names, place, descriptors, size = log_of(played).splitlines()[:4]
    known = {"HOME", "LANG", "LC_ALL", "LC_CTYPE", "PATH", "SYSTEMROOT", "TMPDIR", "TZ", "PYTHONHASHSEED", "PYTHONUTF8"}
    assert {*eval(names)} <= known | {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}
    assert place.startswith(f"True {tmp_path / 'kept'}")
    assert str(tmp_path / "weights.txt") not in place
    assert place.endswith("weights.txt', '--depth', '3']")
    assert eval(descriptors) == [0, 1, 2, 3]  # 3 is listdir's own
    assert size == "5"


def test_large_questions_and_answers_arrive_whole(tmp_path, wide):
    # More than the pipes hold, either way; the info fills the line up to its limit.
    body = """
        line = '{"action":%d,"info":"%s"}' % (legal[0], "x" * (65536 - 22))
        assert len(line) == 65536 and len(message["view"]) == 200_000
        say(line)
    """
    for limits in ({}, {"turn_s": None, "start_s": None}):
        played = play_program(tmp_path, body, "time.sleep(0.2)", game=wide, **limits)
        assert not played.faults, (played.faults, log_of(played))
        assert [len(info) for _, _, info in msgpack.unpackb(played.infos)] == [65536 - 22] * 2


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Return the name of a game whose questions are larger than a pipe."""
    source = """
        from evalengine import Game, GameSpec, State, hookimpl

        @hookimpl
        def evalengine_games():
            return [GameSpec(name="wide_lines", version="1", doc="x", factory="wide_lines:Wide", max_turns=4)]

        class Wide(Game):
            def initial(self, seats, rng):
                return Shown()

        class Shown(State):
            turn = 0

            def to_move(self):
                return [self.turn % 2]

            def view(self, seat):
                return [0] * 200_000

            def legal(self, seat):
                return [0]

            def apply(self, actions, rng):
                self.turn += 1
                return self

            def scores(self):
                return (0.0, 0.0)
    """
    path = tmp_path_factory.mktemp("games") / "wide_lines.py"
    path.write_text(dedent(source))
    PLUGINS.load_path(path)
    yield "wide_lines"
    sys.path.remove(str(path.parent))


def test_a_flood_of_output_on_stderr_is_cut_and_holds_nobody_up(tmp_path):
    body = "sys.stderr.write('x' * 1_000_000 + '\\n'); say(legal[0])"
    played = play_program(tmp_path, body, "sys.stderr.write('y' * 1_000_000)")
    assert not played.faults, played.faults
    assert log_of(played) == "y" * (64 << 10)


# ---------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("say('rubbish\\x1b[31m')", r"broken line: not JSON: 'rubbish�[31m'"),
        ("say('')", "broken line: not JSON: ''"),
        ("say('NaN')", "broken line: not JSON: 'NaN'"),
        ("say('{\"action\": -Infinity}')", "broken line: not JSON: "),
        ("say('{\"action\": 1')", "broken line: not JSON: "),
        ("say({'move': 1})", """broken line: no "action" in: '{"move": 1}'"""),
        ("say('[' * 5000)", "broken line: not JSON: '[[[[["),
        ("os.write(1, b'\\xff\\xfe\\n')", "broken line: not JSON: "),
        ("say('x' * 70_000)", "broken line: a line of more than 65536 bytes: 'xxxx"),
        ("say('\"' + 'x' * 66_000 + '\"')", "broken line: a line of more than 65536 bytes: "),
        ("say(f'{legal[0]}\\n{legal[0]}')", "broken line: a line before the question: '0"),
        ("say(legal[0]); say('late words')", "broken line: "),
        ("os.close(1); time.sleep(60)", "it closed its connection"),
    ],
)
def test_a_line_that_is_no_answer_is_a_protocol_fault(tmp_path, body, detail):
    fault = only_fault(play_program(tmp_path, body))
    assert fault.kind == "protocol"
    assert fault.detail.startswith(detail)
    assert fault.detail.isprintable()


def test_a_line_that_never_ends_is_a_protocol_fault(tmp_path):
    fault = only_fault(play_program(tmp_path, "while True: os.write(1, b'x' * 1000)"))
    assert (fault.kind, fault.detail[:50]) == ("protocol", "broken line: a line of more than 65536 bytes: 'xxx")


def test_a_line_before_the_first_question_is_a_protocol_fault(tmp_path):
    slow = program(tmp_path, "time.sleep(0.3); say(legal[0])", name="slow")
    hello = program(tmp_path, "say(legal[0])", "say('0')", name="hello")
    fault = only_fault(play(tmp_path, slow, hello), seat=1)
    assert (fault.kind, fault.detail) == ("protocol", r"broken line: a line before the question: '0\n'")


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        ("9", "9: not a legal action"),
        ("True", "True: not a legal action"),
        ("0.0", "0.0: not a legal action"),
        ("'1e999'", "inf: not a legal action"),
        ("'\"x\"'", "'x': not a legal action"),
        ("None", "None: not a legal action"),
        ("[0]", "[0]: not a legal action"),
        ("{'action': {'column': 0}}", "{'column': 0}: not a legal action"),
        ("10 ** 30", "no action: it cannot be stored"),
        ("'[' * 900 + ']' * 900", "no action: it cannot be stored"),
        ("{'action': 0, 'info': 1 << 64}", "no action: it cannot be stored"),
        ('\'{"action": 0, "info": "\' + chr(92) + \'ud800"}\'', "no action: it cannot be stored"),
        ("'{\"action\": 0, \"info\": ' + '[' * 100 + ']' * 100 + '}'", "no action: it cannot be stored"),
    ],
)
def test_what_the_game_refuses_or_nobody_can_store_is_illegal(tmp_path, answer, detail):
    fault = only_fault(play_program(tmp_path, f"say({answer})"))
    assert (fault.kind, fault.detail) == ("illegal", detail)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("sys.exit(3)", "its process ended: exited with status 3"),
        ("os._exit(0)", "its process ended: exited with status 0"),
        ("os.abort()", "its process ended: killed by SIGABRT"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "its process ended: killed by SIGSEGV"),
        ("os.kill(os.getpid(), 40)", "its process ended: killed by signal 40"),
        ("1 / 0", "its process ended: exited with status 1"),
        ("os.write(1, b'0'); sys.exit(3)", "its process ended: exited with status 3"),
    ],
)
def test_a_program_that_ends_has_crashed(tmp_path, body, detail):
    played = play_program(tmp_path, f"print('last words', file=sys.stderr)\n{body}")
    fault = only_fault(played)
    assert (fault.kind, fault.detail) == ("crash", detail)
    assert log_of(played).startswith("last words\n")
    if "1 / 0" in body:
        assert log_of(played).endswith("ZeroDivisionError: division by zero\n")


def test_a_program_that_ends_before_it_is_asked_has_crashed(tmp_path):
    fault = only_fault(play_program(tmp_path, "say(legal[0])", "sys.exit(5)"))
    assert (fault.kind, fault.detail) == ("crash", "its process ended: exited with status 5")


def test_what_cannot_be_executed_has_crashed_and_says_why(tmp_path):
    (tmp_path / "bot").write_bytes(b"\x7fELF\0")  # of no machine
    (tmp_path / "bot").chmod(0o755)
    played = play(tmp_path, f"cmd:{tmp_path / 'bot'}", "first")
    fault = only_fault(played)
    assert (fault.kind, fault.detail) == ("crash", "its process ended: exited with status 127")
    assert log_of(played) == "bot cannot be executed: Exec format error\n"


def test_memory_beyond_the_limit_is_not_given(tmp_path):
    # A program alone knows why it ended; its log says so.
    played = play_program(tmp_path, "bytearray(1 << 30)", memory_mib=96)
    assert only_fault(played).kind == "crash"
    assert log_of(played).endswith("MemoryError\n")


@pytest.mark.parametrize("body", ["pass", "time.sleep(60)", "while True: pass", "os.kill(os.getpid(), signal.SIGSTOP)"])
def test_silence_is_a_timeout(tmp_path, body):
    fault = only_fault(play_program(tmp_path, body, turn_s=0.1, start_s=0.2, clock="cpu" if "True" in body else "wall"))
    assert fault.kind == "timeout"
    assert fault.detail.startswith("0.20 s to start and 0.10 s a turn exceeded (")


def test_only_the_first_answer_has_the_time_of_a_start(tmp_path):
    body = "time.sleep(60) if message['turn'] else say(legal[0])"
    played = play_program(tmp_path, body, "time.sleep(0.4)", turn_s=0.3, start_s=5.0)
    fault = only_fault(played)
    assert played.faults[0][0] == 2
    assert fault.kind == "timeout"
    assert fault.detail.startswith("0.30 s a turn exceeded (wall): ")


def test_a_start_without_a_limit_does_not_shorten_the_first_answer(tmp_path):
    played = play_program(tmp_path, "say(legal[0])", "time.sleep(0.5)", turn_s=0.3, start_s=None)
    assert not played.faults, played.faults


def test_the_limit_of_a_match_counts_turns_and_not_the_start(tmp_path):
    body = "time.sleep(0.2); say(legal[0])"
    assert not play_program(tmp_path, "say(legal[0])", "time.sleep(0.5)", match_s=0.3, start_s=5.0).faults
    played = play_program(tmp_path, body, match_s=0.3, start_s=0.1)
    fault = only_fault(played)
    assert fault.kind == "timeout"
    assert fault.detail.partition(" (wall)")[0].endswith("0.30 s a match exceeded")


def test_no_program_is_charged_for_the_time_of_another(tmp_path):
    slow = program(tmp_path, "time.sleep(0.15); say(0)", name="slow")
    quick = program(tmp_path, "say(1)", name="quick")
    played = play(tmp_path, slow, quick, game="rps", config={"rounds": 8}, match_s=0.5, start_s=0.2)
    assert only_fault(played, seat=0).detail.partition(" (wall)")[0].endswith("0.50 s a match exceeded")


@pytest.mark.parametrize("limit_s", [0.3, None])
def test_a_program_that_does_not_read_is_late_and_not_waited_for(tmp_path, wide, limit_s):
    limits = {"turn_s": 0.3, "start_s": 0.3} if limit_s else {"turn_s": None, "start_s": 0.3, "match_s": 0.3}
    played = play_program(tmp_path, "pass", "time.sleep(60)", game=wide, **limits)
    assert only_fault(played).kind == "timeout"


@pytest.mark.parametrize("leave", ["['sleep', '600']", "['sleep', '600'], start_new_session=True"])
@pytest.mark.parametrize("end", ["say(legal[0])", "os._exit(1)", "time.sleep(60)"])
def test_what_a_program_started_ends_with_its_match(tmp_path, leave, end):
    body = f"print(subprocess.Popen({leave}, stdin=-3, stdout=-3).pid, file=sys.stderr, flush=True)\n{end}"
    played = play_program(tmp_path, body, turn_s=0.4, start_s=0.4)
    pids = [int(line) for line in log_of(played).split()]
    assert pids
    assert wait_until(lambda: not any(map(parent_of, pids)))


@pytest.mark.slow
def test_a_run_goes_on_past_faulty_programs(tmp_path):
    refs = [
        "crashes=" + program(tmp_path, "sys.exit(1)", name="crashes"),
        "sleeps=" + program(tmp_path, "say(legal[0]) if message['turn'] < 2 else time.sleep(60)", name="sleeps"),
        "babbles=" + program(tmp_path, "say('well')", name="babbles"),
        "cheats=" + program(tmp_path, "say(99)", name="cheats"),
    ]
    db = tmp_path / "arena.db"
    run = evalengine.run(
        ["tictactoe"],
        [*refs, "first"],
        rounds=1,
        seed=SEED,
        db=db,
        workers=2,
        opening="none",
        limits=Limits(turn_s=0.5, start_s=10.0),
    )
    assert (run.state, run.played, run.voids) == ("done", 20, 0)
    assert run.standings[0].agent == "first"
    assert run.standings[0].wins == 8
    with sqlite3.connect(db) as connection:
        found = set(connection.execute("select agent, kind from v_faults"))
    connection.close()
    assert found == {("crashes", "crash"), ("sleeps", "timeout"), ("babbles", "protocol"), ("cheats", "illegal")}


# ------------------------------------------------------------------------------------ references


def load(ref):
    return evalengine_load_agent(ref)


def test_a_program_is_called_after_its_last_file(tmp_path):
    (tmp_path / "deep blue.py").write_text("")
    binary = tmp_path / "engine"
    shutil.copy("/bin/true", binary)
    python = shlex.quote(sys.executable)
    assert load(f"cmd:{python} '{tmp_path}/deep blue.py' --depth 3").name == "deep_blue"
    assert load(f"cmd:{binary}").name == "engine"
    assert load("cmd:true").name == "true"


def test_a_long_argument_is_a_text_and_no_file(tmp_path):
    code = (
        """import json, sys
for line in sys.stdin:
    if "legal" in line:
        print(json.loads(line)["legal"][0], flush=True)
"""
        + "#" * 300
    )
    played = play(tmp_path, f"mine=cmd:{shlex.quote(sys.executable)} -c {shlex.quote(code)}", "first")
    assert not played.faults, played.faults


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("cmd:", "names no program"),
        ("cmd:'", "No closing quotation; write cmd:PROGRAM ARGS as in a shell"),
        ("cmd:no-such-program --fast", "the program 'no-such-program' was not found"),
        ("cmd:{folder}/plain", "is not executable"),
    ],
)
def test_a_program_that_cannot_be_used_is_told(tmp_path, ref, message):
    (tmp_path / "plain").write_text("x")
    with pytest.raises(AgentError) as caught:
        load(ref.format(folder=tmp_path))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("first_line", "message"),
    [
        (None, "is a folder: name a file in it"),
        ("", "is empty"),
        ("print(1)\n", "has no first line as #!/usr/bin/env python3, and is no binary"),
        ("#!/no/such/interpreter -x\n", "asks for the interpreter '/no/such/interpreter', which was not found"),
        ("#!/usr/bin/env -S no-such-program -x\n", "asks for the interpreter 'no-such-program', which was not found"),
    ],
)
@pytest.mark.parametrize("kind", ["cmd", "uci", "xboard", "gtp", "plain"])
def test_a_file_that_cannot_be_executed_is_told_before_the_run(tmp_path, kind, first_line, message):
    path = tmp_path / "a bot"
    if first_line is None:
        path.mkdir()
    else:
        path.write_text(first_line)
        path.chmod(0o755)
    with pytest.raises(AgentError) as caught:
        load(f"{kind}:'{path}' arg")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pipe_is_no_program_and_no_file_to_copy(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o755)
    with pytest.raises(AgentError, match="is neither a file nor a folder"):
        load(f"cmd:{tmp_path}/pipe")
    assert load(f"cmd:/bin/cat {tmp_path}/pipe /dev/zero").files == ()


@pytest.mark.parametrize("first_line", ["#!/bin/sh", "#!  /usr/bin/env -S python3 -u", "#!/usr/bin/env X=1 sh"])
def test_a_script_whose_interpreter_is_there_is_taken(tmp_path, first_line):
    (tmp_path / "a bot").write_text(f"{first_line}\n")
    (tmp_path / "a bot").chmod(0o755)
    assert load(f"cmd:'{tmp_path}/a bot' arg").argv == (f"{tmp_path}/a bot", "arg")


@pytest.fixture
def as_ordinary_user():
    """Be somebody who has no right to read everything; give a folder of his."""
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as folder:
        if root:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            if root:
                os.seteuid(0)


@pytest.mark.parametrize(
    ("ref", "unreadable"),
    [("cmd:{}/bot", "bot"), ("cmd:/bin/sh {}/data", "data"), ("uci:/bin/sh {}/tables", "tables/closed")],
)
def test_a_file_that_cannot_be_read_is_told_before_the_run(as_ordinary_user, ref, unreadable):
    folder = as_ordinary_user
    (folder / "tables" / "closed").mkdir(parents=True)
    for name in ("bot", "data"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    (folder / unreadable).chmod(0o311)
    agent = load(ref.format(folder))
    with pytest.raises(AgentError) as caught:
        snapshot(agent, folder / "kept")
    told = f"{str(folder / unreadable)!r} cannot be read: Permission denied. Its bytes are copied before the run"
    assert told in str(caught.value)


def test_a_program_behind_a_closed_folder_is_told(as_ordinary_user):
    (as_ordinary_user / "closed").mkdir(0)
    with pytest.raises(AgentError, match="cannot be looked at: Permission denied"):
        load(f"cmd:{as_ordinary_user}/closed/bot")


def test_the_copy_of_a_program_follows_its_bytes_and_arguments(tmp_path):
    def version(arguments=""):
        return snapshot(load(f"cmd:{tmp_path / 'bot'} {arguments}"), tmp_path / "kept").version

    shutil.copy("/bin/true", tmp_path / "bot")
    first = version()
    assert version() == first
    assert version("--deep") != first
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "lines.txt").write_text("e4")
    with_book = version(tmp_path / "book")
    (tmp_path / "book" / "lines.txt").write_text("d4")
    assert version(tmp_path / "book") != with_book
    with (tmp_path / "bot").open("ab") as file:
        file.write(b"\0")
    assert version() != first


def test_a_program_of_this_folder_is_not_one_of_the_path(tmp_path, monkeypatch):
    (tmp_path / "test").write_text("#!/bin/sh\n")  # every system has another program of this name
    (tmp_path / "test").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert Path(evalengine_load_agent("cmd:./test").argv[0]) == tmp_path / "test"
