"""Programs that read and write words: the lines of docs/programs.md, and the examples."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from textwrap import dedent, indent

import pytest
from test_engines import play
from test_programs import EXAMPLES, SEED, actions, log_of, only_fault

import evalengine
from evalengine.dialects.plain_text import PlainText
from evalengine.talk import Question

GAMES = ["connect4", "tictactoe", "hex(size=5)", "rps(rounds=4)", "tron(seats=3, size=7)"]


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler (cc, gcc) on this machine")
    binary = tmp_path_factory.mktemp("c") / "words"
    options = ["-O2", "-std=c11", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([compiler, *options, "-o", binary, EXAMPLES / "c" / "words.c"], check=True)
    return f"words=plain:{shlex.quote(str(binary))}"


def test_the_c_example_plays_and_repeats_itself(tmp_path, words):
    blobs = []
    for workers in (1, 2):
        db = tmp_path / f"{workers}.db"
        run = evalengine.run(GAMES, [words, "random", "first"], 60, SEED, db=db, workers=workers)
        assert (run.state, run.played, run.voids, run.faults.total(), run.unsteady) == ("done", 60, 0, 0, [])
        blobs.append(actions(db))
    assert blobs[0] == blobs[1]


def test_the_shell_example_plays_as_the_bundled_first(tmp_path):
    script = f"plain:sh {shlex.quote(str(EXAMPLES / 'shell' / 'first.sh'))}"
    for game in ("connect4", "tictactoe"):
        played = play(tmp_path, script, "first", game=game)
        assert not played.faults, (played.faults, log_of(played))
        assert played.actions == play(tmp_path, "first", "first", game=game).actions


# ----------------------------------------------------------------------------------------- lines


def program(folder, answer):
    """Write a program that prints what it reads to its log, and `answer` at `go`; return it as a reference."""
    path = folder / "bot.py"
    source = """
        import os, sys, time
        for line in sys.stdin:
            sys.stderr.write(line)
            words = line.split()
            if words[0] == "legal":
                legal = words[1:]
            if words[0] == "go":
        """
    path.write_text(dedent(source) + indent(dedent(answer).strip(), " " * 8) + "\n")
    return f"plain:{shlex.quote(sys.executable)} {shlex.quote(str(path))}"


def test_the_lines_are_those_that_are_documented(tmp_path):
    ref = program(tmp_path, "print(legal[0], flush=True)")
    played = play(tmp_path, ref, "first", game="connect4", config={"columns": 5})
    assert not played.faults, played.faults
    lines = log_of(played).splitlines()
    assert lines[0] == "start 0 2 connect4"
    assert lines[1].startswith("seed ")
    assert lines[2:5] == ["config columns 5", "config rows 6", "config inarow 4"]
    assert lines[5] == "turn 0"
    assert 9.0 < float(lines[6].removeprefix("clock ")) <= 10.0
    assert lines[7:11] == ["view board" + " 0" * 30, "view mark 1", "legal 0 1 2 3 4", "go"]
    assert lines[11] == "turn 2"
    assert lines[-3:] == ["scores 1.0 -1.0", "places 1 2", "end"]


@pytest.mark.parametrize(
    ("answer", "kind", "detail"),
    [
        ("print('9', flush=True)", "illegal", "'9': not a legal action"),
        ("print('\\x1b[2J', flush=True)", "illegal", "not a legal action"),
        ("print('', flush=True)", "protocol", "broken line: no action in: ''"),
        ("print('0\\n0', flush=True)", "protocol", "broken line: a line before the question: '0"),
        ("sys.exit(2)", "crash", "its process ended: exited with status 2"),
        ("time.sleep(60)", "timeout", "0.50 s to start and 0.50 s a turn by the wall clock"),
    ],
)
def test_what_is_no_answer_is_a_fault(tmp_path, answer, kind, detail):
    fault = only_fault(play(tmp_path, program(tmp_path, answer), "first", game="tictactoe", turn_s=0.5, start_s=0.5))
    assert fault.kind == kind
    assert detail in fault.detail
    assert fault.detail.isprintable()


# ------------------------------------------------------------------------------ how values are written


class Shown:
    """A request whose view and actions are given."""

    _entries = None

    def __init__(self, view, legal):
        self.view, self.legal, self.turn, self.seat = view, legal, 3, 1


def asked(view, legal, answer):
    """Return the lines of a question, and what `answer` stands for."""
    dialect = PlainText({}, {})
    talk = dialect.ask(Question(Shown(view, legal), lambda action: f"<{action[0]} {action[1]}>", None, None))
    next(talk)
    lines = dialect.take().decode().splitlines()
    try:
        talk.send(answer)
    except StopIteration as done:
        return lines, done.value[0]
    raise AssertionError


def test_views_are_written_as_words():
    view = {
        "board": [[1, 2], [3, 4]],
        "names": ["black stone", "", None],
        "over": False,
        "left": {"white": 3, "black": {"pawns": [1]}},
        "nothing": [],
        "hash": b"\x01\xff",
    }
    lines, _ = asked(view, [0], "0")
    assert lines == [
        "turn 3",
        "clock -",
        "view board 1 2 3 4",
        "view names black_stone - -",
        "view over 0",
        "view left.white 3",
        "view left.black.pawns 1",
        "view nothing",
        "view hash 01ff",
        "legal 0",
        "go",
    ]
    assert asked([1, [2]], [0], "0")[0][2] == "view 1 2"


@pytest.mark.parametrize(
    ("legal", "answer", "action", "line"),
    [
        ([3, 5], "5", 5, "legal 3 5"),
        (["e4", "d4"], " d4\r", "d4", "legal e4 d4"),
        ([[1, 2], [3, 4]], "<3_4>", [3, 4], "legal <1_2> <3_4>"),
        (None, "7", 7, "legal -"),
        (None, "2.5", 2.5, "legal -"),
        (None, "raise", "raise", "legal -"),
    ],
)
def test_an_answer_is_a_word_of_the_legal_ones(legal, answer, action, line):
    lines, found = asked({}, legal, answer)
    assert found == action
    assert type(found) is type(action)
    assert line in lines
