"""`evalengine.run(...)` wherever it is called from, and what a run tells to plugins."""

import json
import os
import signal
import sys
import threading
from pathlib import Path
from textwrap import dedent

import pytest
from runs import Here, Place, ended, until

import evalengine
from evalengine import Limits, hookspecs, playing
from evalengine.store import Store


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path / "run")
    yield made
    made.close()


def first(observation):
    return observation.legal[0]


def last(observation):
    return observation.legal[-1]


# ----------------------------------------------------------------------- where it is called from

SCRIPT = dedent(
    """
    import json
    import random
    import sys
    import evalengine

    COUNT = 0
    step = 3

    def counting(observation):
        global COUNT
        COUNT += 1
        return observation.legal[COUNT % len(observation.legal)]

    class Second:
        def start(self, info):
            self.asked = info.seat

        def act(self, observation):
            self.asked += step
            return observation.legal[self.asked % len(observation.legal)]

    def made(offset):
        def closure(observation):
            return observation.legal[(offset + observation.turn) % len(observation.legal)]
        return closure

    def drawing(observation):
        return random.choice(observation.legal)

    def standings(workers, agents=(counting, Second, made(2), lambda observation: observation.legal[0]), n=80):
        run = evalengine.run("tictactoe", agents, n=n, seed=5, workers=workers)
        return {
            "state": run.state,
            "lines": [[line.agent, line.rating, line.sigma, line.wins, line.losses] for line in run.standings],
            "matches": [[match["id"], match["scores"]] for match in run.matches],
            "n": run.summary()["matches"],
        }
    """
)
CALLS = {
    "a script without a main guard": "print(json.dumps(standings({workers})))",
    "a thread": """
import threading
found = []
thread = threading.Thread(target=lambda: found.append(standings({workers})))
thread.start()
thread.join()
print(json.dumps(found[0]))
""",
    "a running event loop": """
import asyncio
async def main():
    return standings({workers})
print(json.dumps(asyncio.run(main())))
""",
    "twice in one process": """
one, two = standings({workers}), standings({workers})
assert one == two
print(json.dumps(two))
""",
}


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """What the script's run ends with, with one worker."""
    place = Place(tmp_path_factory.mktemp("known") / "run")
    found = _called(place, CALLS["a script without a main guard"], 1)
    place.close()
    return found


def _called(place, call, workers, *, stdin=False):
    text = SCRIPT + call.format(workers=workers)
    script = place.folder / "script.py"
    script.write_text(text)
    if stdin:
        with script.open() as file:
            told = ended(place.spawn([sys.executable, "-"], stdin=file))
    else:
        told = ended(place.spawn([sys.executable, str(script)]))
    place.check_clean()
    return json.loads(told.stdout)


@pytest.mark.parametrize("call", list(CALLS))
def test_a_run_is_the_same_wherever_it_is_called_from(place, known, call):
    assert known["state"] == "done"
    assert {line[0] for line in known["lines"]} == {"counting", "Second", "closure", "lambda"}
    assert known["n"] == len(known["matches"]) == 80
    assert _called(place, CALLS[call], 2) == known


def test_a_run_is_the_same_from_standard_input(place, known):
    assert _called(place, CALLS["a script without a main guard"], 2, stdin=True) == known


def test_a_function_that_draws_from_the_global_generator_repeats_itself(place):
    call = "print(json.dumps([standings(workers, [counting, drawing]) for workers in (1, 2, 3)]))"
    one, two, three = _called(place, call, 0)
    assert one == two == three


def test_a_run_in_a_thread_can_be_read_outside_of_it(tmp_path):
    found = []
    thread = threading.Thread(
        target=lambda: found.append(
            evalengine.run("tictactoe", [first, "random"], n=4, db=tmp_path / "a.db", workers=1)
        )
    )
    thread.start()
    thread.join()
    assert found[0].summary()["finished"] == 4
    assert [match["match_no"] for match in found[0].matches] == [0, 1, 2, 3]


def test_a_run_begun_by_a_script_is_resumed_on_the_command_line(place):
    script = SCRIPT + "print(json.dumps(standings(2, [counting, drawing, Second], n=int(sys.argv[1]))))"
    (place.folder / "script.py").write_text(script)
    undisturbed = json.loads(ended(place.spawn([sys.executable, "script.py", "1500"])).stdout)
    process = place.spawn([sys.executable, "script.py", "1500"])
    until(lambda: place.stored() > 1520)
    process.kill()
    ended(process, None)
    until(lambda: not place.processes(), 10)
    assert place.stored() < 3000
    told = json.loads(place.run("run", "--resume", "--format", "json").stdout)
    found = [[line[key] for key in ("agent", "rating", "sigma", "wins", "losses")] for line in told["standings"]]
    assert (told["run"], told["matches"]) == (2, 1500)
    assert found == undisturbed["lines"]
    place.check_clean()


def test_deterministic_agents_repeat_their_games(tmp_path):
    run = evalengine.run("tictactoe", [first, last], n=6, seed=1, opening="none", db=tmp_path / "a.db", workers=1)
    told = run.summary()
    assert told["matches"] == 6
    assert told["distinct_games"] == 2  # one for each order of the two
    assert told["games"] == {"tictactoe": 6}


# ---------------------------------------------------------------------------------------- hooks

PLUGIN = dedent(
    """
    import json
    from pathlib import Path
    from evalengine import hookimpl

    HEARD = Path(__file__).with_name("heard")

    def _tell(name, **values):
        with HEARD.open("a") as file:
            file.write(json.dumps([name, values]) + "\\n")

    @hookimpl
    def evalengine_games():
        _tell("evalengine_games")
        return []

    @hookimpl
    def evalengine_agents():
        _tell("evalengine_agents")
        return []

    @hookimpl
    def evalengine_raters():
        _tell("evalengine_raters")
        return []

    @hookimpl
    def evalengine_pairings():
        _tell("evalengine_pairings")
        return []

    @hookimpl
    def evalengine_sandboxes():
        _tell("evalengine_sandboxes")
        return []

    @hookimpl
    def evalengine_reporters():
        _tell("evalengine_reporters")
        return []

    @hookimpl(tryfirst=True)
    def evalengine_load_agent(ref):
        _tell("evalengine_load_agent", ref=ref)

    @hookimpl
    def evalengine_modify_matches(matches):
        _tell("evalengine_modify_matches", matches=len(matches))

    @hookimpl
    def evalengine_run_start(run):
        _tell("evalengine_run_start", run=dict(run))

    @hookimpl
    def evalengine_match_done(spec, result):
        _tell("evalengine_match_done", spec=spec._asdict(), result=result._asdict(), kind=type(result).__name__)

    @hookimpl
    def evalengine_round_done(round_no, standings):
        _tell("evalengine_round_done", round_no=round_no, matches=sum(line.matches for line in standings))

    @hookimpl
    def evalengine_worker_lost(worker, reason):
        _tell("evalengine_worker_lost", worker=worker, reason=reason)

    @hookimpl
    def evalengine_run_done(run):
        _tell("evalengine_run_done", run=dict(run))
    """
)


def _heard(place):
    return [json.loads(line) for line in (place.folder / "heard").read_text().splitlines()]


def test_every_hook_is_called_with_what_happened(place):
    (place.folder / "hearing.py").write_text(PLUGIN)
    (place.folder / "slow.py").write_text(
        "import time\ndef act(observation):\n    time.sleep(0.05)\n    return observation.legal[0]\n"
    )
    process = place.start(
        "run",
        "slow.py",
        "random",
        "--games",
        "tictactoe",
        "-n",
        "8",
        "--seed",
        "3",
        "--workers",
        "1",
        "-p",
        "hearing",
        "--format",
        "json",
    )
    worker = until(place.workers)[0]
    until(place.agents)
    os.kill(worker, signal.SIGKILL)
    printed = json.loads(ended(process).stdout)
    heard = _heard(place)
    names = [name for name, _ in heard]
    every = {name for name in vars(hookspecs) if name.startswith("evalengine_")}
    exporting = {"evalengine_exporters", "evalengine_pgn"}  # see test_exports.py
    serving = {"evalengine_routes", "evalengine_jobs"}  # see test_server.py
    assert set(names) == every - exporting - serving
    values = {name: [told for each, told in heard if each == name] for name in every}
    assert {"ref": "slow.py"} in values["evalengine_load_agent"]
    (start,), (done,) = values["evalengine_run_start"], values["evalengine_run_done"]
    assert start["run"]["seed"] == 3
    assert (start["run"]["state"], start["run"]["matches"]) == ("running", 0)
    assert start["run"].keys() <= done["run"].keys()
    assert done["run"] == printed
    assert values["evalengine_worker_lost"] == [{"worker": 0, "reason": "exit status -9"}]
    assert values["evalengine_round_done"] == [{"round_no": 0, "matches": 16}]
    told = values["evalengine_match_done"]
    assert sorted(each["spec"]["match_no"] for each in told) == list(range(8))
    stored = place.rows("select m.id & 1099511627775, m.seed, m.turns, m.termination from match m order by id")
    found = sorted(
        (each["spec"]["match_no"], each["spec"]["seed"], each["result"]["turns"], each["result"]["termination"])
        for each in told
    )
    assert found == stored
    assert {each["kind"] for each in told} == {"MatchResult"}
    assert (
        names.index("evalengine_run_start") < names.index("evalengine_match_done") < names.index("evalengine_run_done")
    )
    place.check_clean()


def test_faults_are_told_as_faults(place):
    (place.folder / "hearing.py").write_text(PLUGIN)
    (place.folder / "bad.py").write_text("def act(observation):\n    raise ValueError('no')\n")
    place.run("run", "bad.py", "random", "--games", "tictactoe", "-n", "2", "-p", "hearing")
    faults = [told["result"]["faults"] for name, told in _heard(place) if name == "evalengine_match_done"]
    assert all(kind == "crash" and detail.startswith("ValueError: no") for ((_, _, (kind, detail, _)),) in faults)
    assert len(faults) == 2


EDITING = dedent(
    """
    import json
    from evalengine import hookimpl

    @hookimpl
    def evalengine_modify_matches(matches):
        with open("chunks", "a") as file:
            file.write(json.dumps([[match.game_no, match.rotation, sorted(match.agents)] for match in matches]) + "\\n")
        matches[:] = [match for match in matches if match.rotation != 1]
        for place, match in enumerate(matches):
            if match.rotation == 2:
                matches[place] = match._replace(opening=4)
        matches += [match._replace(rotation=9, seed=12345) for match in matches if match.rotation == 0]
    """
)


def test_a_plugin_drops_edits_and_adds_matches(place):
    (place.folder / "editing.py").write_text(EDITING)
    command = ("run", "random", "greedy", "--games", "tictactoe", "-n", "8", "--seed", "3")
    place.run(*command, "-p", "editing", "--workers", "1")
    found = place.rows("select match_no, rotation, opening, seed = 12345 from v_matches order by match_no")
    assert [row[0] for row in found] == list(range(8))
    assert [row[1] for row in found] == [0, 0, 2, 2, 3, 3, 9, 9]
    assert [row[2] == 4 for row in found] == [rotation == 2 for _, rotation, _, _ in found]
    assert [row[3] for row in found] == [rotation == 9 for _, rotation, _, _ in found]
    assert place.rows("select matches from run") == [(8,)]
    refused = place.run("run", "--resume", code=4)
    assert "editing" in refused.stderr
    assert "switch them with -p" in refused.stderr
    place.run("run", "--resume", "-p", "editing")


def test_a_run_whose_matches_a_plugin_changed_is_resumed_to_the_same_end(place):
    (place.folder / "editing.py").write_text(EDITING)
    command = (
        "run",
        "random",
        "greedy",
        "--games",
        "tictactoe",
        "-n",
        "800",
        "--seed",
        "3",
        "-p",
        "editing",
        "--format",
        "json",
    )
    process = place.start(*command)
    until(lambda: place.stored() > 100)
    process.kill()
    ended(process, None)
    until(lambda: not place.processes(), 10)
    resumed = place.outcome(place.run("run", "--resume", "-p", "editing", "--format", "json").stdout)
    other = Place(place.folder / "other")
    (other.folder / "editing.py").write_text(EDITING)
    assert other.outcome(other.run(*command).stdout) == resumed
    other.close()


def test_plugins_change_whole_rotations(place):
    (place.folder / "editing.py").write_text(EDITING)
    told = place.run(
        "run",
        "random",
        "greedy",
        "mcts",
        "again=random",
        "--games",
        "tron(seats=3)",
        "-n",
        "5000",
        "-p",
        "editing",
        "--collect-only",
    )
    chunks = [json.loads(line) for line in (place.folder / "chunks").read_text().splitlines()]
    chunks = chunks[: next(place + 1 for place in range(len(chunks)) if sum(map(len, chunks[: place + 1])) == 5000)]
    assert len(chunks) > 3
    assert all(len(chunk) % 3 == 0 for chunk in chunks[:-1])
    assert all(chunk[0] == chunk[1] == chunk[2] for chunk in chunks)
    assert len(told.stdout.splitlines()) > 0


# ------------------------------------------------------------------------------------- accounting


def test_a_seat_that_faults_in_many_turns_counts_once_also_when_it_is_read_back(place):
    # A game in which a stand-in plays on for a seat that faulted.
    (place.folder / "patient.py").write_text(
        dedent(
            """
            from evalengine import Game, GameSpec, State, hookimpl

            class Patient(Game):
                def initial(self, seats, rng):
                    return Position(0)

            class Position(State):
                def __init__(self, turn):
                    self.turn = turn
                def to_move(self):
                    return () if self.turn == 6 else (self.turn % 2,)
                def view(self, seat):
                    return self.turn
                def legal(self, seat):
                    return [0, 1]
                def apply(self, actions, rng):
                    return Position(self.turn + 1)
                def scores(self):
                    return (0.0, 0.0)

            @hookimpl
            def evalengine_games():
                return [GameSpec(name="patient", version="1", doc="", factory="patient:Patient", max_turns=9, late=0)]
            """
        )
    )
    (place.folder / "bad.py").write_text("def act(observation):\n    raise ValueError('no')\n")
    command = (
        "run",
        "bad.py",
        "random",
        "again=random",
        "--games",
        "./patient.py",
        "-n",
        "90",
        "--seed",
        "3",
        "--format",
        "json",
    )
    process = place.start(*command, "--workers", "2")
    until(lambda: place.stored() > 20)
    process.kill()
    ended(process, None)
    until(lambda: not place.processes(), 10)
    told = json.loads(place.run("run", "--resume", "--format", "json", "--workers", "4").stdout)
    assert {line["agent"]: line["faults"] for line in told["standings"]} == {"bad": 60, "random": 0, "again": 0}
    assert told["faults"] == {"crash": 180}
    place.check_clean()


def test_resumed_with_exitfirst_a_run_goes_on_to_the_next_fault(tmp_path, capsys, monkeypatch):
    place = Here(tmp_path / "run", capsys, monkeypatch)
    (place.folder / "bad.py").write_text("def act(observation):\n    raise ValueError('no')\n")
    place.run("run", "bad.py", "random", "greedy", "--games", "tictactoe", "-n", "60", "-x", "--workers", "1", code=2)
    for _ in range(2):
        before = {number for (number,) in place.rows("select match_no from v_matches")}
        place.run("run", "--resume", "-x", "--workers", "1", code=2)
        faulted = {number for (number,) in place.rows("select match_no from v_faults")}
        assert faulted - before
    place.close()


def test_logs_are_kept_within_a_budget_of_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(playing, "_LOG_BUDGET", 2000)
    loud = tmp_path / "loud.py"
    loud.write_text("print('\N{SNOWMAN}' * 30)\ndef act(observation):\n    return observation.legal[0]\n")
    bad = tmp_path / "bad.py"
    bad.write_text("print('\N{SNOWMAN}' * 30)\ndef act(observation):\n    raise ValueError('no')\n")
    for files, faulted in (([loud], 0), ([loud, bad], 1)):
        run = evalengine.run(
            "tictactoe", [*map(str, files), "random"], n=60, seed=1, db=tmp_path / f"{faulted}.db", workers=2
        )
        with Store(run.db, create=False) as store:
            logs = store.rows("select match, text from log")
            faults = {row["match"] for row in store.rows("select match from fault")}
            kept = sum(len(row["text"].encode()) for row in logs)
            assert kept == store.run(1)["log_bytes"]
            assert 1800 * (1 + faulted) / 2 < kept <= 2000 * (1 + faulted) / 2
            assert all(row["match"] in faults for row in logs[-3:]) == bool(faulted)


def test_a_turn_limit_that_is_long_or_absent_makes_no_worker_hung():
    assert playing._hung_s(Limits()) == 60
    assert playing._hung_s(Limits(turn_s=30)) == 300
    assert playing._hung_s(Limits(turn_s=None, match_s=20)) == 200
    assert playing._hung_s(Limits(turn_s=None, match_s=20, increment_s=1), 30) == 500  # saved up to the last turn
    assert playing._hung_s(Limits(start_s=100)) == 600
    assert playing._hung_s(Limits(turn_s=None)) == playing._hung_s(Limits(start_s=None)) == float("inf")


# ----------------------------------------------------------------------------------- a large plan


def test_a_plan_of_a_million_begins_at_once_and_stays_small(place):
    process = place.start("run", "random", "greedy", "--games", "tictactoe", "-n", "1000000", "--workers", "2")
    until(lambda: place.stored() > 0)
    seconds = _processor_s(process.pid)
    until(lambda: place.stored() > 1000)
    before = _resident(process.pid)
    until(lambda: place.stored() > 6000)
    after = _resident(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    told = ended(process, 2)
    assert "of 1000000 matches stored" in told.stderr
    assert seconds < 2
    assert after - before < 4 << 20
    place.check_clean()


def _processor_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_who_has_not_played_stands_below_all_who_have(tmp_path):
    run = evalengine.run("tictactoe", ["first", "random", "greedy", "minimax"], n=1, db=tmp_path / "a.db", seed=1 << 50)
    played = [line.matches > 0 for line in run.standings]
    assert played == sorted(played, reverse=True)
    assert False in played
