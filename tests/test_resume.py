"""Runs that are killed, stopped and resumed end as if nothing had happened."""

import os
import random
import signal
import time
from contextlib import suppress
from textwrap import dedent

import pytest
from runs import Place, ended, until

WILD = dedent(
    """
    import random

    COUNT = 0

    def act(observation):
        global COUNT
        COUNT += 1
        words = {f"word {number}" for number in range(20)}
        first = list(words)[0]
        legal = list(observation["legal"])
        return legal[(len(first) + COUNT * sum(map(ord, "".join(words))) + random.randrange(1000)) % len(legal)]
    """
)
FAULTY = dedent(
    """
    import random

    class Agent:
        def __init__(self):
            self.asked = 0

        def act(self, observation):
            self.asked += 1
            chance = random.random()
            if chance < 0.05:
                raise ValueError(f"asked {self.asked} times")
            if chance < 0.1:
                return "nowhere"
            return random.choice(observation.legal)
    """
)
GAMES = "tron(seats=3) or prisoners_dilemma or hex(size=5)"
TRUSTED = ("run", "random", "greedy", "again=random", "--games", GAMES, "-n", "600", "--seed", "11")
OUTSIDE = ("run", "wild.py", "faulty.py", "random", "--games", GAMES, "-n", "90", "--seed", "12")
FILTERED = (*OUTSIDE, "-k", "tron or (hex and wild)")
PLANS = {"trusted": (TRUSTED, 600), "outside": (OUTSIDE, 90), "filtered": (FILTERED, 38)}
JSON = ("--format", "json")
SLOW = pytest.mark.slow


@pytest.fixture
def place(tmp_path):
    yield (made := _place(tmp_path / "run"))
    made.close()


def _place(folder):
    made = Place(folder)
    (made.folder / "wild.py").write_text(WILD)
    (made.folder / "faulty.py").write_text(FAULTY)
    return made


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The outcome of a plan that nobody disturbed, played once for all tests."""
    known = {}

    def outcome(plan):
        if plan not in known:
            made = _place(tmp_path_factory.mktemp("undisturbed") / "run")
            known[plan] = made.outcome(made.run(*PLANS[plan][0], *JSON, "--workers", "2").stdout)
            made.check_clean()
            made.close()
        return known[plan]

    return outcome


def _kill(place, process, target):
    """Kill -9 what `target` names, at once when it is several; return the pids, none when the run has ended."""
    if process.poll() is not None:
        return []
    worker = place.workers()[:1] if "worker" in target else []
    launcher = [place.launcher()] if "launcher" in target else []
    main = [process.pid] if "main" in target else []
    pids = [pid for pid in (*worker, *launcher, *main) if pid]
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return pids


def play_through_kills(place, plan, workers, rng, kills):
    """Play a plan while things are killed at random instants, resumed until it is done; return what it printed last."""
    command, n = PLANS[plan]
    more = (*JSON, "--workers", str(workers))
    process = place.start(*command, *more)
    killed = 0
    for least in sorted(rng.choices(range(-n // 8, 3 * n // 4), k=kills)):
        if process.poll() is not None:
            ended(process, None)
            process = _again(place, command, more)
        until(lambda process=process, least=least: place.stored() >= least or process.poll() is not None)
        time.sleep(rng.random() * (0.3 if least < 0 else 0.03))  # an instant, not a wait: any is as good
        target = rng.choice(["worker", "launcher", "main", "main and launcher"])
        killed += bool(_kill(place, process, target))
        if "main" in target:
            ended(process, None)
            until(lambda: not place.processes(), 10)
    out, _, code = "", "", None
    for _ in range(3):
        told = ended(process, None)
        out, code = told.stdout, told.returncode
        if code == 0:
            break
        assert code in (2, -signal.SIGKILL), told.stderr
        process = _again(place, command, more)
    assert code == 0, told.stderr
    return out, killed


def _again(place, command, more):
    return place.start("run", "--resume", *more) if place.has_run() else place.start(*command, *more)


@pytest.mark.parametrize(
    ("plan", "workers"),
    [("trusted", 4), ("outside", 2), *(pytest.param(*case, marks=SLOW) for case in (("trusted", 1), ("filtered", 4)))],
)
def test_a_run_killed_at_any_instant_ends_as_if_nothing_had_happened(place, undisturbed, plan, workers):
    out, killed = play_through_kills(place, plan, workers, random.Random(f"{plan} {workers}"), kills=4)
    assert killed >= 1  # a quick machine ends the run before the last ones
    _check_same(place, out, plan, undisturbed(plan))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(20))
def test_a_hundred_kills(place, undisturbed, number):
    rng = random.Random(number)
    plan, workers = rng.choice(list(PLANS)), rng.choice([1, 2, 4])
    out, _ = play_through_kills(place, plan, workers, rng, kills=5)
    _check_same(place, out, plan, undisturbed(plan))


def _check_same(place, out, plan, expected):
    found = place.outcome(out)
    numbers = [row[0] & ((1 << 40) - 1) for row in found["matches"]]
    assert len(numbers) == PLANS[plan][1] == len(set(numbers))
    assert found == expected
    place.check_clean()


@pytest.mark.parametrize(
    ("plan", "workers"),
    [
        ("trusted", 1),
        ("outside", 4),
        *(
            pytest.param(*case, marks=SLOW)
            for case in (("trusted", 4), ("outside", 1), ("filtered", 1), ("filtered", 4))
        ),
    ],
)
def test_standings_do_not_depend_on_the_number_of_workers(place, undisturbed, plan, workers):
    out = place.run(*PLANS[plan][0], *JSON, "--workers", str(workers)).stdout
    _check_same(place, out, plan, undisturbed(plan))


def test_the_plans_hold_what_they_are_meant_to_prove(undisturbed):
    assert len(undisturbed("outside")["games"]) == 3
    assert {"crash", "illegal"} <= undisturbed("outside")["faults"].keys()
    assert {len(row[2]) for row in undisturbed("outside")["agents"]} == {64}
    numbers = [row[0] & ((1 << 40) - 1) for row in undisturbed("filtered")["matches"]]
    assert numbers != list(range(len(numbers)))


def test_a_complete_run_prints_its_standings_again(place, undisturbed):
    first = place.run(*TRUSTED, *JSON).stdout
    again = place.run("run", "--resume", *JSON)
    assert place.outcome(again.stdout) == place.outcome(first) == undisturbed("trusted")
    place.check_clean()


def test_folders_of_runs_that_were_killed_whole_are_removed_by_the_next(place):
    process = place.start(*OUTSIDE[:-3], "1000", *OUTSIDE[-2:])  # long enough not to end before it is killed
    until(lambda: place.stored() > 0)
    launcher = place.launcher()
    os.kill(launcher, signal.SIGSTOP)  # so that it cannot clean up when its scheduler is gone,
    process.kill()  # and this first, which would clean up when its launcher is
    os.kill(launcher, signal.SIGKILL)
    until(lambda: not place.processes(), 10)
    assert list(place.temp.iterdir()) != []
    place.run("run", "--resume", "-x", code=2)  # up to the first of many faults
    place.check_clean()


# ------------------------------------------------------------------------------------ signals

HANGING = "def act(observation):\n    while True:\n        pass\n"
HANGS = ("run", "hang.py", "random", "--games", "tictactoe", "-n", "4", "--workers", "2", "--seed", "3")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_whose_agent_hangs_within_its_turn_limit(place, number):
    (place.folder / "hang.py").write_text(HANGING)
    process = place.start(*HANGS, "--turn-s", "1")
    until(place.agents)
    began = time.monotonic()
    os.killpg(process.pid, number)
    told = ended(process, 2)
    assert time.monotonic() - began < 10
    assert "evalengine run --resume 1" in told.stderr
    assert "Traceback" not in told.stderr
    assert place.stored() < 4
    place.check_clean()
    place.run("run", "--resume")
    assert place.stored() == 4
    place.check_clean()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_a_run_at_once(place, number):
    (place.folder / "hang.py").write_text(HANGING)
    process = place.start(*HANGS, "--turn-s", "100")
    until(place.agents)
    os.killpg(process.pid, number)
    _read_until(process, "nothing new begins")
    began = time.monotonic()
    os.killpg(process.pid, number)
    told = ended(process, 2)
    assert time.monotonic() - began < 10  # of 100 s
    assert "evalengine run --resume 1" in told.stderr
    assert "Traceback" not in told.stderr
    place.check_clean()


def _read_until(process, words):
    while words not in (line := process.stderr.readline()):
        assert line, f"it ended without {words!r}: {process.wait()}"


def test_results_before_a_signal_are_stored_and_the_standings_printed(place):
    process = place.start(*TRUSTED[:-4], "-n", "20000", "--seed", "5", "--workers", "2")
    until(lambda: place.stored() > 50)
    os.killpg(process.pid, signal.SIGINT)
    told = ended(process, 2)
    assert f"{place.stored()} of 20000 matches stored" in told.stderr
    assert "standings" in told.stdout
    assert place.rows("select state from run") == [("interrupted",)]
    place.check_clean()


def test_a_signal_while_workers_are_being_started_loses_nothing(place):
    process = place.start(*TRUSTED)
    until(place.has_run)
    os.killpg(process.pid, signal.SIGINT)
    assert ended(process, None).returncode in (0, 2)
    assert place.run("run", "--resume", *JSON).returncode == 0
    assert place.stored() == 600
    place.check_clean()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(1, 4), (4, 2)])
def test_a_run_that_was_killed_between_saves_has_the_same_board_and_history(tmp_path, workers):
    command = ("run", "random", "again=random", "greedy", "--games", "tictactoe", "-n", "150000", "--seed", "11", *JSON)
    whole, killed = _place(tmp_path / "whole"), _place(tmp_path / "killed")
    told = whole.outcome(whole.run(*command, "--workers", "2").stdout)
    process = killed.start(*command, "--workers", str(workers[0]))
    until(lambda: killed.has_run() and killed.rows("select 1 from rating_state"))
    least = killed.stored() + 5_000  # stored and not saved
    until(lambda: killed.stored() >= least)
    process.kill()
    ended(process, None)
    until(lambda: not killed.processes(), 10)
    ((saved,),) = killed.rows("select distinct watermark from rating_state")
    assert 0 < saved < killed.stored() < 150_000
    assert killed.outcome(killed.run("run", "--resume", *JSON, "--workers", str(workers[1])).stdout) == told
    whole.close()
    killed.close()
