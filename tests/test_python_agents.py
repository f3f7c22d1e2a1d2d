"""Agents from Python files: how they are found, told, asked and contained, and what becomes of those that fail."""

import contextlib
import os
import re
import sqlite3
import stat
import struct
import sys
import time
import zipfile
from itertools import pairwise
from pathlib import Path
from textwrap import dedent

import msgpack
import pytest
from runs import snapshot

import evalengine
from evalengine import AgentError, Limits, MatchSpec, seeding, submissions
from evalengine.builtin import evalengine_load_agent
from evalengine.model import Orders
from evalengine.planning import Settings, choose_agents, find_agent
from evalengine.plugins import Plugins
from evalengine.processes import Zygote
from evalengine.worker import Worker

PLUGINS = Plugins()
ZYGOTE = Zygote()
EXAMPLES = Path(__file__).parent.parent / "examples"
SEED = 1 << 50


def write(path, source):
    """Write a file with its folders; return it as a reference."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(source).lstrip("\n"))
    return str(path)


def play(folder, *refs, game="tictactoe", config=None, seed=SEED, **limits):
    """Play one match between agents given by seat as references; their copies are kept in `folder`."""
    bundled = PLUGINS.agents()
    agents = [snapshot(find_agent(ref, PLUGINS, bundled), folder / "kept") for ref in refs]
    orders = Orders(
        games=((PLUGINS.games()[game], config or {}),),
        agents=tuple(agents),
        limits=Limits(**{"turn_s": 10.0, "clock": "wall", **limits}),
    )
    worker = Worker(orders)
    worker._zygote.close()
    worker._zygote = ZYGOTE  # as a worker that plays many matches: starting one takes longer than most of them
    return worker.play(MatchSpec(0, 0, 0, seed, tuple(range(len(refs)))))


def play_source(folder, source, **fields):
    """Play a file of this source in seat 0 against the bundled agent `first`."""
    return play(folder, write(folder / "bot.py", source), "first", **fields)


def only_fault(played, seat=0):
    """Return the only fault of a match, which is that of `seat` and has lost it the match."""
    assert not played.error
    assert played.termination == "fault"
    ((_, faulty, fault),) = played.faults
    assert faulty == seat
    assert played.scores[faulty] == min(played.scores) < max(played.scores)
    return fault


def log_of(played, stream="stdout", seat=0):
    return {(number, name): text for number, name, text in played.logs}.get((seat, stream), "")


def children():
    """Return the processes whose parent is this one, zombies left out."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (state := state_of(int(entry.name))) and state[1] == os.getpid():
            found.add(int(entry.name))
    return found


def state_of(pid):
    """Return (state letter, parent) of a process that lives, else None."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else (fields[0], int(fields[1]))


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


# --------------------------------------------------------------------------------------- crashes


def test_an_exception_is_a_crash_with_the_agents_own_traceback(tmp_path):
    source = """
        def act(observation):
            return helper(observation)

        def helper(observation):
            raise ValueError("no idea")
    """
    fault = only_fault(play_source(tmp_path, source))
    assert fault.kind == "crash"
    assert fault.detail == "ValueError: no idea (bot.py:5)"
    assert 'File "bot.py", line 2, in act' in fault.traceback
    assert 'File "bot.py", line 5, in helper' in fault.traceback
    assert fault.traceback.startswith("Traceback (most recent call last):\n")
    assert fault.traceback.endswith("ValueError: no idea\n")
    for engine in ("child.py", "zygote", "evalengine_host", "_serve", str(tmp_path)):
        assert engine not in fault.traceback


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("import os; os._exit(3)", "its process ended: exited with status 3"),
        ("import os; os._exit(0)", "its process ended: exited with status 0"),
        ("raise SystemExit(4)", "SystemExit: 4 (bot.py:2)"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt (bot.py:2)"),
        ("import ctypes; ctypes.string_at(0)", "its process ended: killed by SIGSEGV"),
        ("import os; os.kill(os.getpid(), 9)", "its process ended: killed by SIGKILL"),
        ("import os; os.kill(os.getpid(), 40)", "its process ended: killed by signal 40"),
        ("return observation.nothing", "AttributeError: the observation has no 'nothing'; its view is dict (bot.py:2)"),
        ("raise ValueError('one\\ntwo\\x1b[31m')", "ValueError: one two\ufffd[31m (bot.py:2)"),
        ("raise ValueError('\\ud800')", "ValueError: ? (bot.py:2)"),
        ("return act(observation)", "RecursionError: maximum recursion depth exceeded (bot.py:2)"),
    ],
)
def test_whatever_ends_an_agent_is_a_crash(tmp_path, body, detail):
    fault = only_fault(play_source(tmp_path, f"def act(observation):\n    {body}\n"))
    assert (fault.kind, fault.detail) == ("crash", detail)


def test_a_hostile_exception_is_a_crash(tmp_path):
    source = """
        class Hostile(Exception):
            def __str__(self):
                raise SystemExit

        def act(observation):
            raise Hostile
    """
    fault = only_fault(play_source(tmp_path, source))
    assert (fault.kind, fault.detail) == ("crash", "Hostile: unprintable (bot.py:6)")


@pytest.mark.parametrize(
    ("source", "detail"),
    [
        (
            "import no_such_module\ndef act(o): return 0\n",
            "ModuleNotFoundError: No module named 'no_such_module' (bot.py:1)",
        ),
        ("def act(o): return 0\nraise SystemExit(1)\n", "SystemExit: 1 (bot.py:2)"),
        ("def act(o): return 0\n1 / 0\n", "ZeroDivisionError: division by zero (bot.py:2)"),
        ("class Agent:\n    def __init__(self): 1 / 0\n", "ZeroDivisionError: division by zero (bot.py:2)"),
        (
            "class Agent:\n    def start(self, info): 1 / 0\n    def act(self, o): return 0\n",
            "ZeroDivisionError: division by zero (bot.py:2)",
        ),
        (
            "if False:\n    def act(o): return 0\n",
            "bot.py has no agent: define act(observation) or class Agent. Found: nothing",
        ),
    ],
)
def test_what_fails_at_the_start_is_a_crash_when_the_agent_is_first_asked(tmp_path, source, detail):
    fault = only_fault(play_source(tmp_path, source))
    assert (fault.kind, fault.detail) == ("crash", detail)


def test_a_syntax_error_in_a_helper_names_the_helpers_line(tmp_path):
    write(tmp_path / "bot" / "agent.py", "import helper\ndef act(o): return helper.choose(o)\n")
    write(tmp_path / "bot" / "helper.py", "import math\ndef choose(o) return 0\n")
    fault = only_fault(play(tmp_path, str(tmp_path / "bot"), "first"))
    assert fault.kind == "crash"
    assert fault.detail.startswith("SyntaxError: ")
    assert fault.detail.endswith(" (helper.py:2)")
    assert 'File "agent.py", line 1, in <module>' in fault.traceback
    assert "def choose(o) return 0" in fault.traceback


# -------------------------------------------------------------------------------------- timeouts


@pytest.mark.parametrize("body", ["time.sleep(60)", "while True: pass", "os.kill(os.getpid(), signal.SIGSTOP)"])
def test_a_turn_beyond_its_limit_is_a_timeout(tmp_path, body):
    began = time.monotonic()
    source = f"import os, signal, time\ndef act(observation):\n    print('thinking')\n    {body}\n"
    played = play_source(tmp_path, source, turn_s=0.3, clock="cpu" if "pass" in body else "wall")
    fault = only_fault(played)
    assert fault.kind == "timeout"
    assert fault.detail.startswith("0.30 s a turn exceeded (")
    assert log_of(played) == "thinking\n"
    assert time.monotonic() - began < 5.0


@pytest.mark.parametrize("turn_s", [10.0, None])
@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.sleep(60)\ndef act(observation): return 0\n",
        "import time\nclass Agent:\n    def start(self, info): time.sleep(60)\n    def act(self, o): return 0\n",
    ],
)
def test_a_start_beyond_its_limit_is_a_timeout(tmp_path, source, turn_s):
    fault = only_fault(play_source(tmp_path, source, turn_s=turn_s, start_s=0.3))
    assert fault.kind == "timeout"
    assert fault.detail.startswith("0.30 s to start exceeded (wall): ")


def test_turns_that_together_pass_the_limit_of_a_match_are_a_timeout(tmp_path):
    source = "import time\ndef act(observation):\n    time.sleep(0.2)\n    return observation.legal[0]\n"
    played = play_source(tmp_path, source, match_s=0.5)
    fault = only_fault(played)
    assert fault.kind == "timeout"
    assert fault.detail.startswith("0.50 s a match exceeded (wall): ")
    assert played.faults[0][0] == 4  # the third turn of seat 0


def test_the_start_is_not_charged_to_the_limit_of_a_match(tmp_path):
    source = "import time\ntime.sleep(0.5)\ndef act(observation): return observation.legal[0]\n"
    assert not play_source(tmp_path, source, match_s=0.3).faults


SLOW = "import time\ndef act(observation):\n    time.sleep(0.15)\n    return 0\n"


@pytest.mark.parametrize("slow_seat", [0, 1])
def test_no_seat_is_charged_for_the_time_of_another(tmp_path, slow_seat):
    refs = [write(tmp_path / "quick.py", "def act(observation): return 1\n")]
    refs.insert(slow_seat, write(tmp_path / "slow.py", SLOW))
    played = play(tmp_path, *refs, game="rps", config={"rounds": 6}, match_s=0.5)
    fault = only_fault(played, seat=slow_seat)
    assert fault.detail.startswith("0.50 s a match exceeded (wall): ")
    thought_us = msgpack.unpackb(played.think_us)[1 - slow_seat :: 2]
    assert sum(thought_us) < 0.2 * 1e6


@pytest.mark.parametrize("slow_seat", [0, 1])
def test_no_seat_is_charged_for_the_start_of_another(tmp_path, slow_seat):
    source = "import time\ntime.sleep(0.6)\ndef act(observation): return 0\n"
    refs = [write(tmp_path / "quick.py", "def act(observation): return 1\n")]
    refs.insert(slow_seat, write(tmp_path / "slow.py", source))
    assert not play(tmp_path, *refs, game="rps", config={"rounds": 3}, match_s=0.3).faults


def test_an_early_beginning_of_an_answer_does_not_stop_the_clock(tmp_path):
    # The header with the right nonce, which is in a frame of whoever asks, is sent at once; the rest comes later.
    source = """
        import os, struct, sys, time
        def act(observation):
            nonce = sys._getframe(1).f_locals["nonce"]
            os.write(3, struct.pack(">IQ", 4, nonce))
            time.sleep(0.12)
            os.write(3, bytes([0x93, 2, 0, 0xC0]))
            time.sleep(60)
    """
    refs = write(tmp_path / "slow.py", SLOW), write(tmp_path / "early.py", source)
    played = play(tmp_path, *refs, game="rps", config={"rounds": 1})
    assert not played.faults, played.faults
    assert min(msgpack.unpackb(played.think_us)) > 0.11 * 1e6


# ------------------------------------------------------------------------- illegal, memory, protocol


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("9", "9: not a legal action"),
        ("-1", "-1: not a legal action"),
        ("True", "True: not a legal action"),
        ("0.0", "0.0: not a legal action"),
        ("float('nan')", "nan: not a legal action"),
        ("'x\\x1b'", r"'x\x1b': not a legal action"),
        ("None", "None: not a legal action"),
        ("[0]", "[0]: not a legal action"),
        ("{0: 0}", "{0: 0}: not a legal action"),
        ("2 ** 70", "no action: "),
        ("{0}", "no action: 'set' is not a msgpack value"),
        ("act", "no action: 'function' is not a msgpack value"),
        ("Answer(0, {1})", "no action: 'set' is not a msgpack value"),
    ],
)
def test_what_the_game_refuses_is_illegal(tmp_path, value, detail):
    fault = only_fault(
        play_source(tmp_path, f"from evalengine import Answer\ndef act(observation):\n    return {value}\n")
    )
    assert fault.kind == "illegal"
    assert fault.detail.startswith(detail)


@pytest.mark.parametrize(
    "body",
    ["bytearray(1 << 30)", "while True: kept.append([0] * 1000)", "while True: kept.append(bytearray(1 << 20))"],
)
def test_allocating_beyond_the_limit_is_a_memory_fault(tmp_path, body):
    fault = only_fault(play_source(tmp_path, f"kept = []\ndef act(observation):\n    {body}\n", memory_mib=96))
    assert fault.kind == "memory"
    assert fault.detail == "MemoryError (bot.py:3); the limit is 96 MiB"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("os.write(3, b'rubbish')", "broken answer: a frame without a header"),
        ("os.write(3, bytes(40))", "broken answer: a frame that answers no question"),
        ("return 'x' * 70_000", "an answer of 70008 bytes: too long"),
        ("os.close(3); time.sleep(60)", "it closed its connection"),
        ("socket.socket(fileno=3).send(b''); time.sleep(60)", "it closed its connection"),
        ("send(b'\\xc1')", "broken answer: not msgpack: FormatError"),
        ("send(b'\\x93\\x02\\x00')", "broken answer: not msgpack: ValueError"),
        ("send(b'\\x92\\x02\\x00')", "broken answer: not an answer"),
        ("send(b'\\x93\\x01\\x00\\x00')", "broken answer: not an answer"),
        ("send(b'\\x93\\x02\\x00\\xc0', size=3)", "broken answer: more bytes than announced"),
        ("send(b'', size=1 << 20)", "broken answer: too long"),
        ("send(b'\\x93\\x02\\x00' + b'\\x91' * 700 + b'\\xc0')", "broken answer: nested too deep"),
    ],
)
def test_bytes_that_are_no_answer_are_a_protocol_fault(tmp_path, body, detail):
    source = f"""
        import os, socket, struct, sys, time

        def send(body, size=None):
            nonce = sys._getframe(2).f_locals["nonce"]
            os.write(3, struct.pack(">IQ", len(body) if size is None else size, nonce) + body)
            time.sleep(60)

        def act(observation):
            {body}
            time.sleep(60)
    """
    fault = only_fault(play_source(tmp_path, source))
    assert fault.kind == "protocol"
    assert fault.detail.startswith(detail)


def test_rubbish_before_the_first_question_is_a_protocol_fault(tmp_path):
    source = "import os\nos.write(3, bytes(12))\ndef act(observation): return observation.legal[0]\n"
    assert only_fault(play_source(tmp_path, source)).kind == "protocol"


def test_an_answer_sent_before_its_question_is_a_protocol_fault(tmp_path):
    source = """
        import os, struct, sys
        def act(observation):
            nonce = sys._getframe(1).f_locals["nonce"]
            for _ in range(2):
                os.write(3, struct.pack(">IQ", 4, nonce) + bytes([0x93, 2, observation.legal[0], 0xC0]))
            import time; time.sleep(60)
    """
    played = play_source(tmp_path, source)
    assert only_fault(played).detail == "broken answer: a frame that answers no question"
    assert played.faults[0][0] == 2  # the first was taken: it had the nonce of its question


@pytest.mark.parametrize("info", ["2 ** 64", "[" * 400 + "]" * 400, "'\\ud800'"])
def test_no_info_can_void_a_match(tmp_path, info):
    source = f"from evalengine import Answer\ndef act(observation):\n    return Answer(observation.legal[0], {info})\n"
    if "[" not in info:
        assert only_fault(play_source(tmp_path, source)).kind == "illegal"
        return
    source = source.replace(info, "nested(505)") + (
        "\ndef nested(depth):\n    found = []\n    for _ in range(depth): found = [found]\n    return found\n"
    )
    played = play_source(tmp_path, source.replace("def act", "agent = None\ndef act"))
    assert played.termination != "void", played.error


def test_a_question_that_nobody_reads_does_not_hang_the_worker(tmp_path):
    # tron shows some kilobytes a turn; the stopped process reads none, and the socket's buffer fills up at once.
    write(tmp_path / "wide.py", WIDE)
    PLUGINS.load_path(tmp_path / "wide.py")
    try:
        source = """
            import os, signal, threading, time
            def stop():
                time.sleep(0.05)
                os.kill(os.getpid(), signal.SIGSTOP)
            threading.Thread(target=stop).start()
            def act(observation): return 0
        """
        late = "import time\ndef act(observation):\n    time.sleep(0.3)\n    return 0\n"
        refs = write(tmp_path / "late.py", late), write(tmp_path / "stops.py", source)
        played = play(tmp_path, *refs, game="wide", turn_s=0.6)
    finally:
        sys.path.remove(str(tmp_path))
    assert only_fault(played, seat=1).kind == "timeout"


WIDE = """
    from evalengine import Game, GameSpec, State, hookimpl

    @hookimpl
    def evalengine_games():
        return [GameSpec(name="wide", version="1", doc="Shows a million numbers.", factory="wide:Wide", max_turns=4)]

    class Wide(Game):
        def initial(self, seats, rng):
            return Shown()

    class Shown(State):
        turn = 0

        def to_move(self):
            return [self.turn % 2]

        def view(self, seat):
            return [0] * 1_000_000

        def legal(self, seat):
            return [0]

        def apply(self, actions, rng):
            self.turn += 1
            return self

        def scores(self):
            return (0.0, 0.0)
"""


# ------------------------------------------------------------------------- processes that stay behind


@pytest.mark.parametrize(
    "leave",
    [
        "pid = subprocess.Popen(['sleep', '600']).pid",
        "pid = subprocess.Popen(['sleep', '600'], start_new_session=True).pid",
        "pid = os.fork() or daemon()",
    ],
)
@pytest.mark.parametrize("end", ["return observation.legal[0]", "os._exit(1)", "time.sleep(60)"])
def test_what_an_agent_started_ends_with_its_match(tmp_path, leave, end):
    source = f"""
        import os, subprocess, sys, time

        def daemon():
            os.setsid()
            os.close(3)
            time.sleep(600)

        def act(observation):
            {leave}
            print(pid)
            {end}
    """
    played = play_source(tmp_path, source, turn_s=0.5)
    pids = [int(line) for line in log_of(played).split()]
    assert pids
    assert wait_until(lambda: not any(map(state_of, pids)))


# ------------------------------------------------------------------------------------------- logs


def test_what_an_agent_prints_is_its_log(tmp_path):
    source = r"""
        import os, sys
        print("at import")
        class Agent:
            def start(self, info):
                print("start", info.seat)
            def act(self, observation):
                sys.stderr.write(f"turn {observation.turn}\n")
                print("\x1b[31mred\x07\ttab", "\N{SNOWMAN}", "\udc80", end="\r\n")
                os.write(1, b"\xff\n")
                return observation.legal[0]
            def end(self, result):
                print("end", result.scores[0], result["places"], end="")
    """
    played = play_source(tmp_path, source)
    assert not played.faults
    lines = log_of(played).splitlines()
    assert lines[:2] == ["at import", "start 0"]
    assert lines[-1] == "end 1.0 [1, 2]"
    assert lines[2:4] == ["\ufffd[31mred\ufffd\ttab \N{SNOWMAN} \\udc80\ufffd", "\ufffd"]
    assert all(c.isprintable() or c in "\n\t" for c in log_of(played))
    assert log_of(played, "stderr") == "turn 0\nturn 2\nturn 4\nturn 6\n"


@pytest.mark.parametrize("end", ["return 99", "1 / 0", "import os; sys.stdout.flush(); os._exit(1)"])
def test_the_log_of_a_match_that_ends_by_a_fault_is_kept(tmp_path, end):
    played = play_source(tmp_path, f"import sys\ndef act(observation):\n    print('last words')\n    {end}\n")
    only_fault(played)
    assert log_of(played) == "last words\n"


def test_a_log_is_cut_and_does_not_hold_up_the_match(tmp_path):
    source = "def act(observation):\n    print('x' * 1_000_000)\n    return observation.legal[0]\n"
    played = play_source(tmp_path, source)
    assert not played.faults
    assert log_of(played) == "x" * (64 << 10)


def test_a_flood_of_output_does_not_stretch_the_clock(tmp_path):
    played = play_source(
        tmp_path, "def act(observation):\n    while True: print('x' * 10_000)\n", turn_s=0.3, clock="cpu"
    )
    assert only_fault(played).kind == "timeout"


# ----------------------------------------------------------------------------------- what it is told


def test_the_info_and_the_observation_have_their_fields(tmp_path):
    source = """
        class Agent:
            def start(self, info):
                print(repr(info))
                print(info.rng.random(), info["seed"] == info.seed, "seat" in info, info.get("nothing", 5))
            def act(self, observation):
                if observation.turn == 0:
                    print(repr(observation))
                    print(observation.board, observation["board"], observation["legal"], observation.get("mark"))
                    print("board" in observation, "nothing" in observation, hasattr(observation, "state"))
                return observation.legal[0]
    """
    played = play_source(tmp_path, source, match_s=60.0)
    info, drawn, observation, fields, tests = log_of(played).splitlines()
    seed = seeding.derive_each(SEED, "agents", 2)[0]
    assert eval(info) == {
        "game": "tictactoe",
        "config": {},
        "information": "perfect",
        "seat": 0,
        "seats": 2,
        "sides": [[0], [1]],
        "seed": seed,
        "turn_s": 10.0,
        "match_s": 60.0,
        "increment_s": 0.0,
        "clock": "wall",
        "past": [],
    }
    assert drawn.endswith(" True True 5")
    whole = eval(observation)
    assert 9.0 < whole.pop("clock_s") <= 10.0
    board = [0] * 9
    assert whole == {
        "view": {"board": board, "mark": 1},
        "legal": list(range(9)),
        "turn": 0,
        "game": "tictactoe",
        "config": {},
        "seat": 0,
    }
    assert fields == f"{board} {board} {list(range(9))} 1"
    assert tests == "True False False"


def kept(folder):
    (home,) = (folder / "kept").iterdir()
    return home, ["bot.py"]


def test_the_clock_of_an_observation_is_the_tighter_limit(tmp_path):
    source = """
        import time
        def act(observation):
            time.sleep(0.1)
            print(observation.clock_s)
            return observation.legal[0]
    """
    clocks = [float(line) for line in log_of(play_source(tmp_path, source, turn_s=0.85, match_s=0.9)).split()]
    assert clocks[0] == 0.85
    assert all(0.09 < before - after < 0.3 for before, after in pairwise(clocks[1:]))
    assert log_of(play_source(tmp_path, source, turn_s=None)).split() == ["None"] * 4


def test_an_answers_info_is_stored(tmp_path):
    source = """
        from evalengine import Answer
        def act(observation):
            return Answer(observation.legal[0], {"turn": observation.turn})
    """
    played = play_source(tmp_path, source)
    assert msgpack.unpackb(played.infos) == [[turn, 0, {"turn": turn}] for turn in (0, 2, 4, 6)]


def test_a_numpy_integer_is_an_action(tmp_path):
    pytest.importorskip("numpy")
    source = "import numpy\ndef act(observation):\n    return numpy.array(observation.legal)[0]\n"
    played = play_source(tmp_path, source, memory_mib=2048)
    assert not played.faults, played.faults


# -------------------------------------------------------------------------- which object is the agent

FIRST = "return observation.legal[0]"
CLASS = f"class Agent:\n    def act(self, observation):\n        {FIRST}\n"
FORMS = {
    "function": f"def act(observation):\n    {FIRST}\n",
    "class": CLASS,
    "instance": CLASS.replace("Agent", "Mine") + "agent = Mine()\n",
    "callable object": CLASS.replace("Agent", "Mine").replace("act", "__call__") + "agent = Mine()\n",
    "lambda": "act = lambda observation: observation.legal[0]\n",
    "agent function": f"def agent(observation):\n    {FIRST}\n",
    "agent before act": f"def act(observation): 1 / 0\ndef agent(observation):\n    {FIRST}\n",
    "Agent before act": f"{CLASS}def act(observation): 1 / 0\n",
    "two arguments": f"def act(observation, c):\n    assert c.rows == c['rows'] == 6\n    {FIRST}\n",
    "last function": f"def one(x): 1 / 0\ndef mine(observation):\n    {FIRST}\ndef three(a, b, c): 1\nclass Late: 1\n",
    "imported last": f"def mine(observation):\n    {FIRST}\nfrom os.path import join\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_agent_plays(tmp_path, form):
    played = play_source(tmp_path, FORMS[form], game="connect4")
    assert not played.faults, played.faults
    assert played.termination == "rules"


def test_the_file_says_which_function_was_taken(tmp_path):
    assert evalengine_load_agent(write(tmp_path / "a.py", FORMS["last function"])).note == (
        "plays by its last function, mine"
    )
    assert evalengine_load_agent(write(tmp_path / "b.py", FORMS["function"])).note == ""


@pytest.mark.parametrize("name", ["first_bot", "class_agent", "kaggle_style"])
def test_the_examples_play_without_a_fault(tmp_path, name):
    run = evalengine.run(
        ["connect4", "rps"] if name == "class_agent" else ["connect4", "connect4(columns=5, rows=4, inarow=3)"],
        [str(EXAMPLES / "python" / f"{name}.py"), "random"],
        12,
        SEED,
        db=tmp_path / "arena.db",
        workers=1,
    )
    assert (run.state, run.played, run.voids, run.faults.total(), run.unsteady) == ("done", 12, 0, 0, [])
    score = {line.agent: line.score for line in run.standings}
    if name == "kaggle_style":
        assert score["kaggle_style"] > 0.8


def test_the_example_game_is_bouton_s_nim(tmp_path):
    def perfect(observation):
        """Play the winning strategy of Bouton (1901): leave heaps whose binary sum without carries is zero."""
        heaps = observation.view["heaps"]
        total = 0
        for heap in heaps:
            total ^= heap
        for number, heap in enumerate(heaps):
            if heap ^ total < heap:
                return number * 100 + heap - (heap ^ total)
        return observation.legal[0]

    nim = str(EXAMPLES / "game" / "nim.py")
    for games in ([nim], ["nim(heaps=3)"]):
        run = evalengine.run(
            [nim] if games == [nim] else [f"{nim} and nim or nim(heaps=3)"],
            [perfect, "random"],
            40,
            SEED,
            db=tmp_path / "arena.db",
            workers=1,
            opening="none",
        )
        # 1, 3, 5, 7 and 1 ^ 3 ^ 5 = 7: the first is lost for who moves first, the second won (Bouton 1901).
        winner = 1 if games == [nim] else 0
        for match in run.matches:
            if (
                match["game"] == games[0].rpartition("/")[2].removesuffix(".py")
                and match["agents"][winner] == "perfect"
            ):
                assert match["places"][winner] == 1
        assert run.voids == run.faults.total() == 0


# -------------------------------------------------------------------------------------- whole runs


def test_a_run_goes_on_past_every_kind_of_fault(tmp_path):
    bodies = {
        "crashes": "1 / 0",
        "leaves": "import os; os._exit(7)",
        "segfaults": "import ctypes; ctypes.string_at(0)",
        "sleeps": "import time; time.sleep(60 if observation.turn > 1 else 0)",
        "cheats": "return 99",
        "grows": "bytearray(1 << 30)",
        "babbles": "import os; os.write(3, b'hello')",
    }
    refs = [
        write(tmp_path / f"{name}.py", f"def act(observation):\n    {body}\n    return observation.legal[0]\n")
        for name, body in bodies.items()
    ]
    run = evalengine.run(
        ["tictactoe"],
        [*refs, "first"],
        rounds=1,
        seed=SEED,
        db=tmp_path / "arena.db",
        workers=2,
        opening="none",
        limits=Limits(turn_s=1.0, memory_mib=128),
    )
    assert (run.state, run.played, run.voids) == ("done", 56, 0)
    board = {line.agent: line for line in run.standings}
    assert run.standings[0].agent == "first"
    assert board["first"].wins == 14
    by_agent = faults_by_agent(tmp_path / "arena.db")
    kinds = {"crashes": "crash", "leaves": "crash", "segfaults": "crash", "sleeps": "timeout", "cheats": "illegal"}
    kinds |= {"grows": "memory", "babbles": "protocol"}
    assert by_agent == {name: {kind} for name, kind in kinds.items()}
    assert set(run.summary()["not_deterministic"]) == set()


def faults_by_agent(db):
    found = {}
    with sqlite3.connect(db) as connection:
        for agent, kind in connection.execute("select agent, kind from v_faults"):
            found.setdefault(agent, set()).add(kind)
    connection.close()
    return found


UNSEEDED = {
    "counter": """
        count = 0
        def act(observation):
            global count
            count += 1
            return observation.legal[count % len(observation.legal)]
    """,
    "strings": """
        def act(observation):
            return int(next(iter({str(action) for action in observation.legal})))
    """,
    "objects": """
        class Choice:
            def __init__(self, action):
                self.action = action
        def act(observation):
            return next(iter({Choice(action) for action in observation.legal})).action
    """,
    "unseeded": """
        import random
        def act(observation):
            return random.choice(observation.legal)
    """,
    "arrays": """
        import numpy as np
        def act(observation):
            return np.random.choice(observation.legal)
    """,
}


def test_agents_with_state_repeat_themselves_for_any_number_of_workers(tmp_path):
    names = [name for name in UNSEEDED if name != "arrays" or has_numpy()]
    refs = [write(tmp_path / f"{name}.py", UNSEEDED[name]) for name in names]
    blobs = []
    for workers in (1, 2):
        db = tmp_path / f"{workers}.db"
        run = evalengine.run(
            ["connect4"], refs, 20, SEED, db=db, workers=workers, limits=Limits(turn_s=10.0, memory_mib=2048)
        )
        assert (run.faults.total(), run.voids, run.unsteady) == (0, 0, [])
        with sqlite3.connect(db) as connection:
            blobs.append(dict(connection.execute("select id, actions from match")))
        connection.close()
    assert len(blobs[0]) == 20
    differing = [number & 0xFFFF for number in blobs[0] if blobs[0][number] != blobs[1][number]]
    assert not differing
    assert len(set(blobs[0].values())) > 15  # a match differs from another: the luck is the match's own


WHERE = """
    import sys
    def act(observation):
        made = [object() for _ in range(3)] + [bytes(count) for count in (1, 20, 90, 300)] + [{}, [1], (1, count := 2)]
        print([id(value) for value in made], file=sys.stderr)
        return observation.legal[0]
"""


def test_objects_lie_at_the_same_addresses_for_any_number_of_workers(tmp_path):
    # Sets of plain objects follow addresses. 48 matches, since what shifts them may be in one of sixteen.
    agent = write(tmp_path / "where.py", WHERE)
    told = []
    for workers in (1, 2):
        db = tmp_path / f"{workers}.db"
        run = evalengine.run(["tictactoe"], [agent, "first"], 48, SEED, db=db, workers=workers)
        assert (run.faults.total(), run.voids) == (0, 0)
        with sqlite3.connect(db) as connection:
            told.append(dict(connection.execute("select match, text from log where stream = 'stderr'")))
        connection.close()
    assert len(told[0]) == 48
    assert [match & 0xFFFF for match in told[0] if told[0][match] != told[1][match]] == []


def has_numpy():
    try:
        import numpy  # noqa: F401, ICN001 - only asked for
    except ImportError:
        return False
    return True


def test_nothing_is_left_in_the_temporary_folder(tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    source = """
        import os, tempfile
        def act(observation):
            with open(os.path.join(os.environ["HOME"], "kept"), "w") as file:
                file.write("x")
            tempfile.mkstemp()
            print(os.environ["TMPDIR"] == os.environ["HOME"] == tempfile.gettempdir(), sorted(os.environ))
            return observation.legal[0]
    """
    played = play_source(tmp_path, source)
    assert not played.faults, played.faults
    assert log_of(played).startswith("True ")
    assert "PYTHONPATH" not in log_of(played)
    assert list((tmp_path / "tmp").iterdir()) == []


# ------------------------------------------------------------------------------- files, folders, zips

ACT = "def act(observation): return observation.legal[0]\n"


def zipped(path, files, **attributes):
    """Write a zip of {name: text}; `attributes` are set on every entry."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            for attribute, value in attributes.items():
                setattr(entry, attribute, value)
            archive.writestr(entry, text)
    return str(path)


NESTED = "import inner\ndef act(observation): return inner.choose(observation)\n"
INNER = "def choose(observation): return observation.legal[0]\n"
TWO = "class One:\n    def act(self, o): 1 / 0\nclass Two:\n    def act(self, o): return o.legal[0]\nagent = One()\n"


def layouts(folder):
    """Return references of every form, by what is special about them."""
    write(folder / "a" / "inner.py", INNER)
    return {
        "file": write(folder / "bot.py", ACT),
        "file with a name": write(folder / "two.py", TWO) + ":Two",
        "agent.py": write(folder / "a" / "agent.py", NESTED),
        "folder": str(folder / "a"),
        "main.py": str(Path(write(folder / "m" / "main.py", ACT)).parent),
        "folder's file with a name": write(folder / "n" / "agent.py", TWO) + ":Two",
        "zip": zipped(folder / "z.zip", {"agent.py": NESTED, "inner.py": INNER}),
        "zip around a folder": zipped(folder / "zz.zip", {"top/main.py": NESTED, "top/inner.py": INNER}),
        "zip with a name": zipped(folder / "zzz.zip", {"agent.py": TWO}) + ":Two",
        "name": "mine=" + write(folder / "x=y.py", ACT),
    }


def test_every_form_of_a_submission_plays(tmp_path):
    for form, ref in layouts(tmp_path).items():
        played = play(tmp_path / form, ref, "first")
        assert (played.termination, played.faults) == ("rules", ()), form


def names(*refs):
    agents, _ = choose_agents(Settings(games="tictactoe", agents=refs, opponents="none"), [], PLUGINS)
    return [agent.name for agent in agents]


def test_agents_are_called_after_their_files(tmp_path):
    forms = layouts(tmp_path)
    assert names(forms["file"], forms["agent.py"], forms["main.py"], forms["zip"], forms["name"]) == [
        "bot",
        "agent",
        "m",
        "z",
        "mine",
    ]
    assert names(write(tmp_path / "Ünïcode bot-vs-x.py", ACT)) == ["_n_code_bot-vs_x"]


def test_names_that_clash_become_those_of_the_folders(tmp_path):
    ann, bob = (write(tmp_path / name / "agent.py", ACT) for name in ("ann", "bob"))
    assert names(ann, bob) == ["ann", "bob"]
    one, two = (write(tmp_path / name / "bot.py", ACT) for name in ("ann", "bob"))
    assert names(one, two) == ["ann", "bob"]
    with pytest.raises(AgentError, match="two agents are called 'ann': name them, as in a=REF b=REF"):
        names(ann, one, bob, two)
    assert names(f"x={ann}", f"y={ann}") == ["x", "y"]
    with pytest.raises(AgentError, match="is no name for an agent"):
        names(f"a-vs-b={ann}")


def take(folder, ref):
    """Take a copy of what `ref` stands for; return the names of its files."""
    spec = snapshot(evalengine_load_agent(ref), folder / "kept")
    home = Path(spec.path)
    return sorted(path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file())


def test_a_file_is_taken_alone_and_a_folder_without_its_history(tmp_path):
    write(tmp_path / "a" / "agent.py", ACT)
    write(tmp_path / "a" / "deep" / "data.txt", "x")
    for left_out in (".git/config", "__pycache__/agent.pyc", ".evalengine/arena.db"):
        write(tmp_path / "a" / left_out, "x")
    assert take(tmp_path, str(tmp_path / "a")) == ["agent.py", "deep/data.txt"]
    assert take(tmp_path, write(tmp_path / "a" / "other.py", ACT)) == ["other.py"]


def test_the_copy_has_its_bytes_in_its_name_and_cannot_be_written(tmp_path):
    ref = write(tmp_path / "bot.py", ACT)
    one, again = (snapshot(evalengine_load_agent(ref), tmp_path / "kept") for _ in range(2))
    assert one == again
    assert re.fullmatch("[0-9a-f]{64}", one.version)
    write(tmp_path / "bot.py", ACT + "# changed\n")
    assert snapshot(evalengine_load_agent(ref), tmp_path / "kept").version != one.version
    assert not any(path.stat().st_mode & 0o222 for path in [Path(one.path), *Path(one.path).rglob("*")])
    assert [path.name for path in (tmp_path / "kept").iterdir() if path.name.startswith(".")] == []


def test_a_link_inside_a_folder_is_what_it_leads_to(tmp_path):
    write(tmp_path / "a" / "real.py", ACT)
    (tmp_path / "a" / "agent.py").symlink_to("real.py")
    assert take(tmp_path, str(tmp_path / "a")) == ["agent.py", "real.py"]


@pytest.mark.parametrize("target", ["../secret.txt", "/etc/passwd", "../other", "inside"])
def test_a_link_that_leads_outside_or_to_a_folder_is_refused(tmp_path, target):
    write(tmp_path / "secret.txt", "x")
    write(tmp_path / "other" / "helper.py", "x")
    write(tmp_path / "a" / "inside" / "helper.py", "x")
    write(tmp_path / "a" / "agent.py", ACT)
    (tmp_path / "a" / "link").symlink_to(target)
    with pytest.raises(AgentError, match=r"a: link is a link (that leads outside its folder|to a folder)"):
        take(tmp_path, str(tmp_path / "a"))
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.mark.parametrize("name", ["agent.py", "main.py"])
def test_not_a_line_is_read_of_an_agents_file_that_is_a_link_outside(tmp_path, name):
    write(tmp_path / "secret.txt", "the secret line")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / name).symlink_to("../secret.txt")
    for ref in ("a", f"a/{name}"):
        with pytest.raises(AgentError) as caught:
            evalengine_load_agent(str(tmp_path / ref))
        assert str(caught.value) == f"a: {name} is a link that leads outside its folder"


@pytest.mark.parametrize("ref", ["bot.py", "bot.py:act", "bot.zip", "agent.py"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, ref):
    os.mkfifo(tmp_path / ref.partition(":")[0])
    with pytest.raises(AgentError, match="is neither a file nor a folder"):
        evalengine_load_agent(str(tmp_path / ref))


def test_a_folder_of_too_many_files_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(submissions, "MAX_FILES", 3)
    write(tmp_path / "a" / "agent.py", ACT)
    for number in range(3):
        write(tmp_path / "a" / f"{number}.txt", "x")
    with pytest.raises(AgentError, match="a: more than 3 files"):
        take(tmp_path, str(tmp_path / "a"))


SYMLINK = (stat.S_IFLNK | 0o777) << 16


@pytest.mark.parametrize(
    ("files", "attributes", "message"),
    [
        ({f"{number}.txt": "" for number in range(5001)}, {}, "more than 5000 files"),
        ({"agent.py": ACT, "bomb": "\0" * (4 << 20)}, {}, "unpacks to more than 200 times its size"),
        ({"agent.py": "/etc/passwd"}, {"external_attr": SYMLINK}, "'agent.py' is a link or a special file"),
        ({"agent.py": ""}, {"external_attr": (stat.S_IFIFO | 0o644) << 16}, "'agent.py' is a link or a special file"),
        ({"/tmp/agent.py": ACT}, {}, "'/tmp/agent.py' leads outside"),
        ({"../agent.py": ACT}, {}, "'../agent.py' leads outside"),
        ({"a/../../agent.py": ACT}, {}, "leads outside"),
        ({"a\\agent.py": ACT}, {}, "leads outside"),
        ({"other.py": ACT}, {}, "holds no agent.py or main.py at its top"),
        ({"a/agent.py": ACT, "b/agent.py": ACT}, {}, "holds no agent.py or main.py at its top"),
        ({"agent.py": ACT, "agent.py/x": ACT}, {}, "two entries of the zip want the same place"),
        ({"agent.py": ACT, "x" * 300: ""}, {}, "broken or unsupported zip"),
    ],
)
def test_a_zip_that_is_not_what_it_should_be_is_refused(tmp_path, files, attributes, message):
    with pytest.raises(AgentError, match=re.escape(message)):
        take(tmp_path, zipped(tmp_path / "z.zip", files, **attributes))
    assert list((tmp_path / "kept").iterdir()) == []


def spoiled(data, how):
    central = data.rindex(b"PK\x01\x02")
    if how == "encrypted":
        (flags,) = struct.unpack_from("<H", data, central + 8)
        return data[: central + 8] + struct.pack("<H", flags | 1) + data[central + 10 :]
    if how == "larger than it says":
        return data[: central + 24] + struct.pack("<I", 3) + data[central + 28 :]
    if how == "no zip":
        return b"PK\x03\x04 but nothing else"
    if how == "cut":
        return data[: len(data) // 2]
    if how == "stream":
        begin = 30 + len("agent.py")
        return data[:begin] + b"\xff" * 8 + data[begin + 8 :]
    return b""


@pytest.mark.parametrize("how", ["encrypted", "larger than it says", "no zip", "cut", "stream", "empty"])
def test_a_broken_zip_is_refused(tmp_path, how):
    path = Path(zipped(tmp_path / "z.zip", {"agent.py": ACT * 9}))
    path.write_bytes(spoiled(path.read_bytes(), how))
    with pytest.raises(AgentError, match=r"z\.zip: .*(encrypted|broken or unsupported zip)"):
        take(tmp_path, str(path))


# ------------------------------------------------------------------------- errors before anything runs


def refused(ref):
    with pytest.raises(AgentError) as caught:
        evalengine_load_agent(ref)
    return str(caught.value)


def test_a_syntax_error_is_told_with_line_and_caret(tmp_path):
    message = refused(write(tmp_path / "bot.py", "import math\ndef act(observation)\n    return 0\n"))
    first, line, caret = message.splitlines()
    assert first == "bot.py:2 SyntaxError: expected ':'"
    assert line == "    def act(observation)"
    assert caret.index("^") == line.index(")") + 1


def test_a_file_without_an_agent_is_told_what_it_holds(tmp_path):
    source = "import math as m\nfrom os import path\nLIMIT, (a, b) = 1, (2, 3)\nx: int = 1\n"
    source += "class Bot: pass\ndef run(): pass\n"
    assert refused(write(tmp_path / "bot.py", source)) == (
        "bot.py has no agent: define act(observation) or class Agent. Found: m, path, LIMIT, a, b, x, Bot, run"
    )
    assert refused(write(tmp_path / "empty.py", "")).endswith("Found: nothing")
    assert refused(write(tmp_path / "bot.py", source) + ":Agent").startswith("bot.py has no 'Agent'. Found: m, path")


def test_a_name_that_is_defined_under_a_condition_is_found(tmp_path):
    source = """
        try:
            from no_such_module import Mine
        except ImportError:
            class Mine:
                def act(self, observation):
                    return observation.legal[0]
    """
    played = play(tmp_path, write(tmp_path / "bot.py", source) + ":Mine", "first")
    assert not played.faults, played.faults


def test_paths_that_cannot_be_used_are_told(tmp_path):
    (tmp_path / "empty").mkdir()
    assert refused(str(tmp_path / "nothing.py")).startswith("there is no file or folder")
    assert refused(str(tmp_path / "nothing.zip")).startswith("there is no file or folder")
    assert refused(str(tmp_path / "nothing")).startswith("there is no file or folder")
    assert refused(str(tmp_path / "empty")).endswith("holds no agent.py or main.py")
    assert "a program in another language is 'cmd:" in refused(write(tmp_path / "bot.txt", "x"))
    assert refused(write(tmp_path / "null.py", "x = 1\0")).startswith("null.py")
    assert evalengine_load_agent("no-such-agent") is None


def test_an_agent_in_this_process_does_not_think_on_the_clock_of_another(tmp_path):
    (tmp_path / "quick.py").write_text("def act(observation):\n    return 0\n")

    def slow(_observation):
        time.sleep(0.3)
        return 1

    run = evalengine.run("rps(rounds=3)", [slow, str(tmp_path / "quick.py")], n=2, db=tmp_path / "a.db")
    with contextlib.closing(sqlite3.connect(run.db)) as db:
        thought = [msgpack.unpackb(blob) for (blob,) in db.execute("select think_us from match")]
    # Each of them sits on either side once; three rounds of 0.3 s are the slow one's.
    assert all(0.9e6 < sum(each) < 1.5e6 for each in thought)


def test_an_agent_that_kills_what_it_is_forked_from_has_crashed(tmp_path):
    (tmp_path / "killer.py").write_text(
        "import os, signal\n\ndef act(observation):\n    os.kill(os.getppid(), signal.SIGKILL)\n    return 0\n"
    )
    (tmp_path / "honest.py").write_text("def act(observation):\n    return observation.legal[0]\n")
    agents = [str(tmp_path / "killer.py"), str(tmp_path / "honest.py"), "random"]
    run = evalengine.run("tictactoe", agents, n=9, workers=1, db=tmp_path / "a.db", seed=1 << 50)
    assert run.summary()["voids"] == 0
    assert [match["faulted"] for match in run.matches] == [
        ["killer"] if "killer" in match["agents"] else [] for match in run.matches
    ]
