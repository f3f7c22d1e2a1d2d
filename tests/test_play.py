"""`evalengine play`: at a real terminal, and with lines from a pipe."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from pathlib import Path
from textwrap import dedent

import pytest
from commandline import COMMAND, environment, process
from runs import until

SEED = str(1 << 50)
LIMIT_S = 60
COUNTING = dedent(
    """
    turns = []

    def act(observation):
        turns.append(observation.turn)
        print("asked in turns", turns)
        return observation.legal[len(turns) % 2]
    """
)


class Person:
    """Somebody who types at a terminal of their own and reads what is written there."""

    def __init__(self, cwd, *arguments, **more):
        self.screen, child = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, "play", *arguments],
            cwd=cwd,
            stdin=child,
            stdout=child,
            stderr=child,
            start_new_session=True,
            env=environment(TERM="xterm", **more),
            preexec_fn=_own_terminal,  # noqa: PLW1509 - one thread, and one system call
        )
        os.close(child)
        self.seen = ""
        self._read_to = 0

    def waits_for(self, pattern):
        """Read until `pattern` stands behind what was read before; return the match."""
        by = time.monotonic() + LIMIT_S
        while (found := re.compile(pattern).search(self.seen, self._read_to)) is None:
            assert time.monotonic() < by, f"no {pattern!r} in {self.seen[self._read_to :]!r}"
            if select.select([self.screen], [], [], 1)[0]:
                try:
                    more = os.read(self.screen, 65536)
                except OSError:  # the other end is closed
                    more = b""
                assert more, f"it ended without {pattern!r}: {self.seen[self._read_to :]!r}"
                self.seen += more.decode()
        self._read_to = found.end()
        return found

    def types(self, text, *, end="\r"):
        os.write(self.screen, f"{text}{end}".encode())

    def ended(self):
        """Read the rest; return the exit code."""
        by = time.monotonic() + LIMIT_S
        while time.monotonic() < by:
            try:
                more = os.read(self.screen, 65536)
            except OSError:
                break
            if not more:
                break
            self.seen += more.decode()
        return self.process.wait(LIMIT_S)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.screen)


def _own_terminal():
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C reaches it


@pytest.fixture
def person(tmp_path):
    """A function that sits somebody down: person(*arguments of evalengine play)."""
    seated = []

    def sit(*arguments, **more):
        seated.append(Person(tmp_path, *arguments, **more))
        return seated[-1]

    yield sit
    for one in seated:
        one.close()


def piped(cwd, lines, *arguments, code=0, **more):
    """Play with these lines on stdin."""
    done = subprocess.run(
        [*COMMAND, "play", *arguments],
        cwd=cwd,
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        env=environment(**more),
        check=False,
    )
    assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def shown(cwd, *arguments):
    return process(*arguments, cwd=cwd).stdout


PROMPT = r"turn (\d+)\S*> "

# ------------------------------------------------------------------------------------ at a terminal


def test_a_person_plays_a_match_at_a_terminal_and_it_is_saved_like_any_other(person, tmp_path):
    one = person("tictactoe", "--against", "random", "--seed", "5")
    one.waits_for(r"seat 0: human \(you\), seat 1: random")
    for action in ("b2", "C1", "a3"):  # case does not matter
        one.waits_for(PROMPT)
        one.types(action)
    one.waits_for("\x1b\\[32myou won, after 5 turns")  # in green
    saved = one.waits_for(r"saved: (evalengine replay '1/tictactoe::human-vs-random\[0\]')")[1]
    assert one.ended() == 0
    assert saved
    replayed = shown(tmp_path, "replay", "1/tictactoe::human-vs-random[0]")
    assert "b2" in replayed
    record = shown(tmp_path, "show", "0")
    assert "seat 0: human  place 1, score 1" in record
    board = shown(tmp_path, "standings", "--format", "csv")
    assert re.search(r"^1.*,human,", board, re.MULTILINE), board
    assert shown(tmp_path, "rate", "--rater", "elo").count("human") == 1


def test_tab_completes_actions_and_commands(person):
    one = person("othello", "--against", "random", "--seed", SEED)
    one.waits_for(PROMPT)
    one.types("f\t")  # of d3 c4 f5 e6 one begins so
    one.waits_for(r"turn 1: random \(seat 1\)")
    one.waits_for(PROMPT)
    one.types("qu\t")
    assert one.ended() == 2


def test_what_changed_stands_out_on_a_terminal_and_nothing_is_coloured_elsewhere(person, tmp_path):
    one = person("tictactoe", "--against", "random", "--seed", "5")
    one.waits_for(PROMPT)
    one.types("b2")
    one.waits_for("\x1b\\[33m\x1b\\[1mx\x1b\\[0m")
    plain = person("tictactoe", "--against", "random", "--seed", "5", NO_COLOR="1")
    plain.waits_for(PROMPT)
    plain.types("b2")
    plain.waits_for(PROMPT)
    assert "\x1b[3" not in plain.seen
    assert "\x1b" not in piped(tmp_path, ["b2"], "tictactoe", "--against", "random", code=2).stdout
    assert "\x1b[33m" in piped(tmp_path, ["b2"], "tictactoe", "--against", "random", "--color", "yes", code=2).stdout


@pytest.mark.parametrize("how", ["quit", "\x04", "\x03"])
def test_who_leaves_saves_nothing_and_is_told_so(person, tmp_path, how):
    (tmp_path / "bot.py").write_text(COUNTING)
    one = person("tictactoe", "--against", "bot.py", "--seed", SEED)
    one.waits_for(PROMPT)
    one.types("b2")
    one.waits_for(PROMPT)
    if how == "\x03":
        # Python's input() looks for signals before it waits, and not again until a key is pressed: right behind the
        # prompt one may come in between.
        time.sleep(0.3)
    one.types(how, end="\r" if how == "quit" else "")
    one.waits_for("you left before the end: the match was not saved")
    assert one.ended() == 2
    assert "Traceback" not in one.seen
    done = process("standings", cwd=tmp_path)
    assert "holds no run yet" in done.stderr
    until(lambda: not _children_in(tmp_path), 20)


def _children_in(folder):
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if Path(f"/proc/{entry.name}/cwd").readlink().is_relative_to(folder):
                    found.append(entry.name)
            except OSError:
                continue
    return found


def test_ctrl_c_while_the_agent_thinks_ends_it_at_once(person, tmp_path):
    (tmp_path / "slow.py").write_text(
        "import time\n\ndef act(observation):\n    by = time.time() + 300\n    while time.time() < by:\n        pass\n"
    )
    one = person("tictactoe", "--against", "slow.py", "--turn-s", "none", "--seed", SEED)
    one.waits_for(PROMPT)
    one.types("b2")
    one.waits_for("b2\r?\n")
    until(lambda: any(_busy(pid) for pid in _below(one.process.pid)), 20)
    one.types("\x03", end="")
    one.waits_for("you left before the end")
    assert one.ended() == 2


def _below(pid):
    """Return the pids of all processes below one."""
    parents = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(_stat(entry.name)[1])
            except OSError:
                continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def _stat(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _busy(pid):
    try:
        return int(_stat(pid)[11]) > 20  # ticks of CPU
    except OSError:
        return False


def test_a_killed_terminal_leaves_no_agent_behind(person, tmp_path):
    (tmp_path / "bot.py").write_text(COUNTING)
    one = person("tictactoe", "--against", "bot.py", "--seed", SEED)
    one.waits_for(PROMPT)
    one.types("b2")
    one.waits_for(PROMPT)
    below = _below(one.process.pid)
    assert below
    one.process.send_signal(signal.SIGKILL)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below), 20)


# ---------------------------------------------------------------------------------------- undo


def test_undo_goes_back_to_the_last_decision_and_contained_agents_know_what_they_knew(tmp_path):
    (tmp_path / "bot.py").write_text(COUNTING)
    lines = ["3", "3", "undo", "undo", "undo", "2", "2", "undo", "4", "quit"]
    done = piped(tmp_path, lines, "connect4", "--against", "bot.py", "--seed", SEED, code=2)
    told = re.findall(r"turn (\d+)> (\w+)", done.stdout)
    assert told == [
        ("0", "3"),
        ("2", "3"),
        ("4", "undo"),
        ("2", "undo"),
        ("0", "undo"),
        ("0", "2"),
        ("2", "2"),
        ("4", "undo"),
        ("2", "4"),
        ("4", "quit"),
    ]
    assert "there is nothing to take back" in done.stdout
    straight = piped(tmp_path, ["2", "4", "quit"], "connect4", "--against", "bot.py", "--seed", SEED, code=2)
    last = straight.stdout.split("turn 4>")[0].rsplit("turn 2> 4", 1)[1]
    assert last in done.stdout, "with actions taken back it stands where it would have stood without"


def test_a_match_with_actions_taken_back_is_stored_as_it_was_played_out(tmp_path):
    (tmp_path / "bot.py").write_text(COUNTING)
    lines = ["a1", "undo", "b2", "a3", "undo", "c1", "a3", "c3", "b1", "c2", "a2", "b3", "a1"]
    piped(tmp_path, lines, "tictactoe", "--against", "bot.py", "--seed", SEED)
    record = json.loads(process("show", "0", "--format", "json", cwd=tmp_path).stdout)
    assert record["actions"][0] == "b2"
    assert record["actions"][2] != "a3" or "c1" in record["actions"]
    (log,) = [log["text"] for log in record["logs"]]
    # Its last process was asked once in each of its turns, those that were played again included.
    turns = [turn for turn in range(len(record["actions"])) if turn % 2]
    assert f"asked in turns {turns}" in log
    assert len(record["think_us"]) == len(record["actions"])


# --------------------------------------------------------------------------------- kinds of games


def test_a_person_sees_of_hidden_information_what_their_seat_sees(tmp_path):
    done = piped(tmp_path, ["bet"] * 3, "kuhn_poker", "--against", "random", "--seed", SEED, "--seat", "1")
    before_end = done.stdout.partition("place")[0]
    assert re.search(r"seat 0: \?", before_end)
    assert not re.search(r"turn \d+: random", before_end), "what others do may be hidden, too"


def test_of_seats_that_act_at_once_the_person_is_asked_while_no_clock_runs(tmp_path):
    (tmp_path / "bot.py").write_text(COUNTING)
    done = piped(
        tmp_path, ["rock"] * 100, "rps", "--against", "bot.py", "--seat", "1", "--turn-s", "0.5", "--seed", SEED
    )
    assert re.search(r"turn 0: bot \(seat 0\) \w+", done.stdout)
    assert "TIMEOUT" not in done.stdout
    record = json.loads(process("show", "0", "--format", "json", cwd=tmp_path).stdout)
    assert len(record["think_us"]) == 2 * record["turns"]


def test_what_a_game_takes_beyond_its_list_is_typed_as_the_list_is_written(tmp_path):
    lines = ["buy 70 grain at 46", "buy 7 gold", "buy 7 grain at 46, sell 3 silk at 231", "nothing"]
    seen = piped(tmp_path, lines, "market_simulator(ticks=2)", "--against", "first", "--seed", SEED).stdout
    assert "'buy 70 grain at 46' is not possible: order 1: quantity is a whole number, for grain from 1 to 10" in seen
    assert "'buy 7 gold' is no action that is possible now" in seen
    assert "turn 1> nothing" in seen


def test_a_missing_opponent_is_repeated_under_a_name_of_its_own(tmp_path):
    done = piped(tmp_path, [], "tron(seats=3)", "--against", "random", "--seat", "2", "--seed", SEED, code=2)
    assert "seat 0: random, seat 1: random-2, seat 2: human (you)" in done.stdout


def test_two_persons_play_each_other_and_without_a_name_there_is_an_opponent(tmp_path):
    done = piped(
        tmp_path, ["a1", "b1", "a2", "b2", "undo", "c2", "a3"], "tictactoe", "--against", "human", "--seed", SEED
    )
    assert "seat 0: human  place 1" in done.stdout
    assert "seat 1: human-2  place 2" in done.stdout
    assert "turn 3, seat 1> undo" not in done.stdout
    assert "seat 1: mcts-" in piped(tmp_path, [], "connect4", code=2).stdout


def test_an_opening_is_played_when_asked_for_and_cannot_be_taken_back(tmp_path):
    lines = ["undo", "quit"]
    done = piped(tmp_path, lines, "connect4", "--against", "random", "--opening", "random:2", "--seed", SEED, code=2)
    assert "turn 2> undo" in done.stdout
    assert "there is nothing to take back" in done.stdout


VALUES = """
from evalengine import Game, GameSpec, State, hookimpl

class Pledge(Game):
    def initial(self, seats, rng):
        return Pledged()

class Pledged(State):
    given = None

    def to_move(self):
        return [0] if self.given is None else []

    def view(self, seat):
        return self.given

    def legal(self, seat):
        return None

    def refuse(self, seat, action):
        return None if isinstance(action, float) else "a number with a point is wanted"

    def apply(self, actions, rng):
        self.given = actions[0]
        return self

    def scores(self):
        return (self.given or 0.0,)

    def render(self, seat=None):
        return "\\x1b]0;owned\\x07given: " + str(self.given)

@hookimpl
def evalengine_games():
    return [GameSpec(name="pledge", version="1", doc="Give.", factory=f"{__name__}:Pledge", max_turns=1, min_seats=1,
        max_seats=1, default_seats=1, utility="general", min_score=0.0, max_score=9.0)]
"""


def test_a_game_of_one_seat_that_cannot_list_its_actions_takes_values_as_they_are_written(tmp_path):
    (tmp_path / "pledging.py").write_text(VALUES)
    done = piped(tmp_path, ["3", "lots", "2.5"], "./pledging.py", "--seed", SEED)
    assert "'3' is not possible: a number with a point is wanted" in done.stdout
    assert "'lots' is not possible" in done.stdout
    assert "seat 0: human  place 1, score 2.5" in done.stdout
    assert "you won" not in done.stdout
    assert "\x1b" not in done.stdout, "no game steers the terminal"


# ------------------------------------------------------------------------------ agents, and errors


def test_agents_answer_under_their_limits_and_their_faults_end_the_match(tmp_path):
    (tmp_path / "slow.py").write_text("def act(observation):\n    while True:\n        pass\n")
    done = piped(tmp_path, ["3"], "connect4", "--against", "slow.py", "--turn-s", "0.2", "--seed", SEED)
    assert "TIMEOUT" in done.stdout
    assert "you won" in done.stdout


def test_agents_are_contained(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("the answers")
    (tmp_path / "spy.py").write_text(f"def act(observation):\n    raise ValueError(open({str(secret)!r}).read())\n")
    done = piped(tmp_path, ["3"], "connect4", "--against", "spy.py", "--seed", SEED)
    assert "CRASH" in done.stdout
    assert "the answers" not in done.stdout


def test_a_seed_gives_the_same_match(tmp_path):
    lines = [str(number % 7) for number in range(60)]
    first, again = (
        piped(tmp_path, lines, "connect4", "--against", "mcts(simulations=20)", "--seed", SEED, code=code)
        for code in (0, 0)
    )
    assert first.stdout.replace("1/connect4", "") == again.stdout.replace("2/connect4", "")


WRONG = {
    "game": (("conect4",), 'Did you mean "connect4"?'),
    "several": (("strategy",), "name one to play"),
    "seat": (("tictactoe", "--seat", "2"), "tictactoe has seats 0 to 1"),
    "many": (("tictactoe", "--against", "random", "--against", "greedy"), "has 1 other side: leave some out"),
    "hidden": (("kuhn_poker", "--against", "human"), "one person must not see what the other does"),
    "at once": (("rps", "--against", "human"), "one person must not see what the other does"),
    "agent": (("tictactoe", "--against", "nobody.py"), "nobody.py"),
    "seed": (("tictactoe", "--seed", "-1"), "--seed must be from 0"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_played_is_refused_in_one_line(tmp_path, kind):
    arguments, told = WRONG[kind]
    done = piped(tmp_path, [], *arguments, code=4)
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_person_cannot_be_played_in_a_run(tmp_path):
    piped(tmp_path, ["a1", "b1", "c1", "a2", "b2", "c2", "a3", "b3", "c3"], "tictactoe", "--seed", SEED, code=0)
    done = process("run", "human", "random", "--games", "tictactoe", "-n", 2, cwd=tmp_path)
    assert done.returncode == 4
    assert 'no agent "human"' in done.stderr
