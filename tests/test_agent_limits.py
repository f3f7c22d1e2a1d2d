"""Limits: how time is counted, who is frozen, what a busy machine does, and limits of single agents."""

import errno
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from textwrap import dedent

import pytest
from commandline import Shell
from runs import snapshot, until

import evalengine
from evalengine import AgentSpec, FaultKind, Limits, MatchSpec, UsageError, clocks, limits, tasks
from evalengine.planning import find_agent
from evalengine.plugins import Plugins
from evalengine.processes import Zygote
from evalengine.worker import Orders, Worker

PLUGINS = Plugins()
BUNDLED = PLUGINS.agents()
ZYGOTE = Zygote()
FIRST = "def act(observation):\n    return observation.legal[0]\n"
SPIN = "def act(observation):\n    while True: pass\n"
SLEEP = "import time\ndef act(observation):\n    time.sleep(60)\n"
IN_A_THREAD = """
import threading
def spin():
    while True: pass
def act(observation):
    other = threading.Thread(target=spin)
    other.start()
    other.join()
"""
IN_SHORT_CHILDREN = """
import os
def act(observation):
    while True:
        if not os.fork():
            sum(range(100_000))
            os._exit(0)
        os.wait()
"""
BURN = """
import time
def burn(seconds):
    by = time.process_time() + seconds
    while time.process_time() < by: pass
"""


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path, capsys)


def play(folder, *agents, game="tictactoe", config=None, **fields):
    """Play one match between sources, references (`first`, `cmd:...`) and specs, by seat."""
    specs = []
    for number, agent in enumerate(agents):
        if isinstance(agent, str) and "\n" in agent:
            path = folder / f"agent{number}.py"
            path.write_text(dedent(agent))
            specs.append(snapshot(find_agent(str(path), PLUGINS, BUNDLED), folder / "kept"))
        else:
            spec = find_agent(agent, PLUGINS, BUNDLED) if isinstance(agent, str) else agent
            specs.append(snapshot(spec, folder / "kept"))
    orders = Orders(games=((PLUGINS.games()[game], config or {}),), agents=tuple(specs), limits=Limits(**fields))
    worker = Worker(orders)
    worker._zygote.close()
    worker._zygote = ZYGOTE
    return worker.play(MatchSpec(0, 0, 0, 1 << 50, tuple(range(len(specs)))))


def fault_of(played, seat=0):
    assert not played.error, played.error
    ((_, faulty, fault),) = played.faults
    assert faulty == seat
    return fault


def log_of(played, seat=0):
    return {(number, name): text for number, name, text in played.logs}.get((seat, "stdout"), "")


def used(fault):
    """Return the seconds of CPU and by the wall clock that a fault tells of."""
    cpu, wall = re.search(r": (\d+\.\d+) s CPU in (\d+\.\d+) s", fault.detail).groups()
    return float(cpu), float(wall)


# ------------------------------------------------------------------------------------------ by CPU


@pytest.mark.parametrize(
    "source",
    [
        SPIN,
        IN_A_THREAD,
        "import os\ndef act(observation):\n    if not os.fork():\n        while True: pass\n    os.wait()\n",
        IN_SHORT_CHILDREN,
    ],
    ids=["itself", "a thread", "a child", "children that end"],
)
def test_the_limit_of_a_turn_is_cpu_of_all_tasks(tmp_path, source):
    fault = fault_of(play(tmp_path, source, "first", turn_s=0.3))
    assert fault.kind == "timeout"
    assert fault.detail.startswith("0.30 s a turn exceeded (CPU): ")
    assert 0.3 <= used(fault)[0] < 0.55


def test_a_program_has_the_same_clock(tmp_path):
    (tmp_path / "bot.sh").write_text("#!/bin/sh\nwhile :; do :; done\n")
    (tmp_path / "bot.sh").chmod(0o755)
    fault = fault_of(play(tmp_path, f"cmd:{tmp_path / 'bot.sh'}", "first", turn_s=0.2, start_s=0.1))
    assert fault.detail.startswith("0.10 s to start and 0.20 s a turn exceeded (CPU): ")
    assert 0.29 <= used(fault)[0] < 0.55


@pytest.mark.slow
def test_an_agent_that_only_sleeps_meets_the_limit_by_the_wall_clock(tmp_path):
    fault = fault_of(play(tmp_path, SLEEP, "first", turn_s=0.1))
    assert fault.kind == "timeout"
    assert fault.detail.startswith("0.10 s a turn by the wall clock, 3 times and 1 s more, exceeded (wall): ")
    cpu, wall = used(fault)
    assert cpu < 0.1
    assert 1.3 <= wall < 1.55


def test_the_start_is_limited_alike(tmp_path):
    fault = fault_of(play(tmp_path, "while True: pass\n" + FIRST, "first", start_s=0.3))
    assert fault.detail.startswith("0.30 s to start exceeded (CPU): ")
    fault = fault_of(play(tmp_path, "import time\ntime.sleep(60)\n" + FIRST, "first", start_s=0.1))
    assert fault.detail.startswith("0.10 s to start by the wall clock, 3 times and 1 s more, exceeded (wall): ")


def test_time_asleep_is_not_charged(tmp_path):
    source = "import time\ndef act(observation):\n    time.sleep(0.3)\n    return observation.legal[0]\n"
    assert not play(tmp_path, source, "first", turn_s=0.1, match_s=0.2).faults
    assert fault_of(play(tmp_path, source, "first", turn_s=0.1, clock="wall")).detail.startswith(
        "0.10 s a turn exceeded"
    )


def test_an_answer_that_came_in_time_may_have_cost_too_much(tmp_path, monkeypatch):
    # As on four cores: what an agent's threads use together passes faster than the clock on the wall.
    monkeypatch.setattr(tasks, "cpu_ns", lambda pid, read=tasks.cpu_ns: 4 * read(pid))
    source = BURN + "def act(observation):\n    burn(0.2)\n    return observation.legal[0]\n"
    fault = fault_of(play(tmp_path, source, "first", turn_s=0.5))
    assert fault.detail.startswith("0.50 s a turn exceeded (CPU): ")


def test_a_turn_that_was_late_by_the_wall_clock_leaves_the_next_match_alone(tmp_path):
    assert play(tmp_path, SPIN, "first", turn_s=0.05).faults
    began = time.monotonic()
    assert not play(tmp_path, FIRST, "first").faults
    assert time.monotonic() - began < 1.0


# ----------------------------------------------------------------------------------------- the bank


def test_each_answer_gives_its_increment_back_to_the_bank(tmp_path):
    source = (
        BURN
        + "def act(observation):\n    print(observation.clock_s)\n    burn(0.12)\n    return observation.legal[-1]\n"
    )
    told = play(tmp_path, source, "first", game="connect4", match_s=0.3, increment_s=0.05)
    fault = fault_of(told)
    # 0.30, 0.23, 0.16, and 0.09 s are too little.
    assert told.faults[0][0] == 6
    assert fault.detail.startswith("0.30 s a match and 0.05 s an answer exceeded (CPU): ")
    assert [float(line) for line in log_of(told).split()] == pytest.approx([0.3, 0.23, 0.16, 0.09], abs=0.03)
    assert not play(tmp_path, source, "first", game="connect4", match_s=0.3, increment_s=0.2).faults


def test_an_increment_saves_up_but_no_turn_has_more_than_its_own_limit(tmp_path):
    source = "def act(observation):\n    print(observation.clock_s)\n    return observation.legal[0]\n"
    played = play(tmp_path, source, "first", match_s=1.0, increment_s=1.0, turn_s=2.5, clock="wall")
    assert [float(line) for line in log_of(played).split()] == pytest.approx([1.0, 2.0, 2.5, 2.5], abs=0.2)


def test_an_agent_is_told_its_limits(tmp_path):
    source = """
        class Agent:
            def start(self, info):
                print(info.turn_s, info.match_s, info.increment_s, info.clock)
            def act(self, observation):
                return observation.legal[0]
    """
    assert log_of(play(tmp_path, source, "first", match_s=9.0, increment_s=0.5)) == "2.0 9.0 0.5 cpu\n"
    assert log_of(play(tmp_path, source, "first", turn_s=None, clock="wall")) == "None None 0.0 wall\n"


# ------------------------------------------------------------------------------------ between turns

SPINNER = """
import threading, time
def spin():
    while True: pass
class Agent:
    def start(self, info):
        threading.Thread(target=spin, daemon=True).start()
    def act(self, observation):
        print(time.process_time())
        return observation.legal[-1]
"""


def test_who_spins_on_the_others_turn_is_frozen(tmp_path):
    slow = "import time\ndef act(observation):\n    time.sleep(0.4)\n    return observation.legal[0]\n"
    played = play(tmp_path, SPINNER, slow, game="connect4", config={"columns": 4, "rows": 4, "inarow": 3}, turn_s=5.0)
    assert not played.faults
    at = [float(line) for line in log_of(played).split()]
    assert len(at) >= 3
    # 0.4 s passed between two of its turns; of the first it had what it took to find it.
    assert all(after - before < 0.15 for before, after in pairwise(at))
    assert all(after - before < 0.05 for before, after in pairwise(at[1:]))


def test_who_is_quiet_on_the_others_turn_is_left_alone(tmp_path, monkeypatch):
    frozen = []
    monkeypatch.setattr(tasks, "freeze", frozen.append)
    slow = "import time\ndef act(observation):\n    time.sleep(0.1)\n    return observation.legal[0]\n"
    assert not play(tmp_path, FIRST, slow).faults
    assert not frozen


class Patient:
    """Acts when the agent from outside has used half a second of CPU more."""

    def act(self, observation):
        (pid,) = [pid for pid in tasks.family(ZYGOTE._process.pid) if pid != ZYGOTE._process.pid]
        spent = tasks.cpu_ns(pid)
        until(lambda: tasks.cpu_ns(pid) - spent > 500_000_000, 20)
        return observation.legal[0]


def test_what_is_used_on_the_others_turn_is_charged(tmp_path):
    patient = AgentSpec(name="patient", factory=f"{__name__}:Patient")
    played = play(tmp_path, SPINNER, patient, game="connect4", turn_s=0.3)
    assert fault_of(played).detail.startswith("0.30 s a turn exceeded (CPU): ")
    assert played.faults[0][0] == 2


def test_a_frozen_agent_hears_of_the_result(tmp_path):
    source = SPINNER + "    def end(self, result):\n        print('end', result.places)\n"
    slow = "import time\ndef act(observation):\n    time.sleep(0.2)\n    return observation.legal[0]\n"
    played = play(tmp_path, slow, source, game="connect4", config={"columns": 4, "rows": 4, "inarow": 3}, turn_s=5.0)
    assert not played.faults
    assert log_of(played, seat=1).splitlines()[-1].startswith("end [")


def test_children_are_frozen_with_their_parent():
    code = "import os\nos.fork()\nprint(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == process.stdout.readline() == b"\n"
            stopped = tasks.freeze(process.pid)
            assert len(stopped) == 2
            until(lambda: states(stopped) == ["T", "T"])
            before = tasks.cpu_ns(process.pid)
            assert tasks.cpu_ns(process.pid) == before
            tasks.thaw(stopped)
            until(lambda: tasks.cpu_ns(process.pid) > before)
        finally:
            for pid in tasks.family(process.pid):
                os.kill(pid, 9)


def states(pids):
    return [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in pids]


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, -1])
def test_in_a_turn_of_both_each_has_its_own_clock(tmp_path, order):
    def sleeper(seconds):
        return f"import time\ndef act(observation):\n    time.sleep({seconds})\n    return 0\n"

    both = [sleeper(0.3), sleeper(0.5)][::order]
    assert not play(tmp_path, *both, game="rps", config={"rounds": 2}, turn_s=0.1, match_s=0.3).faults
    spins = SPINNER.replace("observation.legal[-1]", "0")
    played = play(tmp_path, *[spins, sleeper(0.4)][::order], game="rps", config={"rounds": 4}, turn_s=5.0)
    assert not played.faults
    at = [float(line) for line in log_of(played, seat=0 if order == 1 else 1).split()]
    assert all(after - before < 0.15 for before, after in pairwise(at))
    played = play(tmp_path, *[SPIN, sleeper(0.1)][::order], game="rps", turn_s=0.3)
    assert fault_of(played, seat=0 if order == 1 else 1).detail.startswith("0.30 s a turn exceeded (CPU): ")


# ----------------------------------------------------------------------------------- a busy machine

SLOW = """
import os, time
def act(observation):
    with open(os.environ["COUNT"], "a") as file: file.write("x")
    time.sleep(60)
"""


def busy(monkeypatch, share, own=0.0):
    """Have the kernel say that each thread waited `share` of the time, and the agent used `own` of it."""
    monkeypatch.setattr(tasks, "waits", lambda pid: {pid: (0, int(share * time.perf_counter_ns()))})
    monkeypatch.setattr(tasks, "cpu_ns", lambda _pid: int(own * time.perf_counter_ns()))


def test_who_was_late_for_want_of_a_core_plays_again_and_then_it_is_void(tmp_path, monkeypatch):
    busy(monkeypatch, 0.9)
    count = tmp_path / "count"
    played = play(tmp_path, SLOW.replace('os.environ["COUNT"]', repr(str(count))), "first", turn_s=0.2, clock="wall")
    assert played.termination == "void"
    assert not played.faults
    assert played.error.startswith("contended, 3 times in a row: 0.20 s a turn exceeded (wall): ")
    assert re.search(r"(8[5-9]|9[0-5])% of it kept waiting for a core. Use --clock cpu", played.error)
    assert count.read_text() == "xxx"


def test_who_was_kept_from_a_core_is_given_that_time_again(tmp_path, monkeypatch):
    busy(monkeypatch, 0.5)
    late = "import time\ndef act(observation):\n    time.sleep(0.4)\n    return observation.legal[0]\n"
    assert not play(tmp_path, late, "first", turn_s=0.3, clock="wall").faults


def test_who_is_late_by_his_own_on_a_busy_machine_is_not_asked_again(tmp_path, monkeypatch):
    busy(monkeypatch, 0.5)
    count = tmp_path / "count"
    played = play(tmp_path, SLOW.replace('os.environ["COUNT"]', repr(str(count))), "first", turn_s=0.2, clock="wall")
    assert "50% of it kept waiting for a core" in re.sub("4[5-9]|5[0-5]", "50", fault_of(played).detail)
    assert count.read_text() == "x"


def test_a_replay_in_time_is_the_result(tmp_path, monkeypatch):
    busy(monkeypatch, 0.9)
    once = f"""
import os, time
def act(observation):
    if not os.path.exists({str(tmp_path / "once")!r}):
        open({str(tmp_path / "once")!r}, "w").close()
        time.sleep(60)
    return observation.legal[0]
"""
    played = play(tmp_path, once, "first", turn_s=0.2, clock="wall")
    assert (played.termination, played.faults, played.error) == ("rules", (), "")


def test_waiting_a_little_is_no_excuse(tmp_path, monkeypatch):
    busy(monkeypatch, 0.05)
    fault = fault_of(play(tmp_path, SLEEP, "first", turn_s=0.5, clock="wall"))
    assert re.search("in 0.5. s, [45]% of it kept waiting", fault.detail)


def test_nobody_is_excused_for_waiting_for_himself(tmp_path, monkeypatch):
    # Each of his threads waited half of the time: for the others of his own, which used all of a core.
    busy(monkeypatch, 0.5, own=1.0)
    fault = fault_of(play(tmp_path, SLEEP, "first", turn_s=0.5, clock="wall"))
    assert "kept waiting" not in fault.detail


@pytest.mark.slow
def test_on_an_overloaded_core_the_honest_agent_is_not_late_by_cpu(tmp_path, monkeypatch):
    core = min(os.sched_getaffinity(0))
    honest = BURN + "def act(observation):\n    burn(0.2)\n    return observation.legal[-1]\n"
    code = "while True: pass"
    # Each in a session of its own, to which the kernel gives its share of the core, as to the agent.
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    zygote = Zygote()  # on that core, as those of workers are
    monkeypatch.setitem(globals(), "ZYGOTE", zygote)
    load = [subprocess.Popen([sys.executable, "-c", code], start_new_session=True) for _ in range(4)]
    try:
        assert not play(tmp_path, honest, "first", turn_s=0.5).faults  # 1 s, of which 2.5 are allowed
        assert not play(tmp_path, honest, "first", turn_s=0.5, clock="wall", start_s=None).faults  # given 1 s again
        humble = f"import os\nos.nice(10)\n{honest}"
        assert "kept waiting" not in fault_of(play(tmp_path, humble, "first", turn_s=0.5, clock="wall")).detail
    finally:
        zygote.close()
        os.sched_setaffinity(0, cores)
        for process in load:
            process.kill()
            process.wait()


def test_the_kernel_tells_what_is_read_of_it():
    before = tasks.cpu_ns(os.getpid())
    spent = time.process_time()
    while time.process_time() - spent < 0.1:
        pass
    assert tasks.cpu_ns(os.getpid()) - before >= 100_000_000
    ran, waited = tasks.waits(os.getpid())[os.getpid()]
    assert ran > 0
    assert waited >= 0
    assert tasks.cpu_ns(1 << 22) == 0
    assert tasks.waits(1 << 22) == {}
    assert clocks.CONTENDED == 0.1


# ---------------------------------------------------------------------------------- other limits


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_folder_is_a_fault_of_its_own(tmp_path, number):
    fault = fault_of(play(tmp_path, f"def act(observation):\n    raise OSError({number}, 'full')\n", "first"))
    assert fault.kind == FaultKind.DISK
    assert fault.detail == f"OSError: [Errno {number}] full (agent0.py:2); the limit is 32 MiB"


def test_too_many_processes_are_a_fault_of_their_own(tmp_path):
    source = f"def act(observation):\n    raise OSError({errno.EAGAIN}, 'no more')\n"
    fault = fault_of(play(tmp_path, source, "first", processes=4))
    assert fault.kind == FaultKind.PROCESSES
    assert fault.detail.endswith("; the limit is 4 in all")


def test_memory_beyond_the_limit_tells_the_limit(tmp_path):
    source = "def act(observation):\n    bytearray(1 << 30)\n"
    fault = fault_of(play(tmp_path, source, "first", memory_mib=96))
    assert (fault.kind, fault.detail) == ("memory", "MemoryError (agent0.py:2); the limit is 96 MiB")


def test_the_least_memory_is_enough_to_play(tmp_path):
    least = int(limits.BOUNDS["memory_mib"].least)
    assert not play(tmp_path, "import json, random, collections\n" + FIRST, "first", memory_mib=least).faults
    program = tmp_path / "bot.py"
    program.write_text(
        "import json, sys\nfor line in sys.stdin:\n    told = json.loads(line)\n"
        "    if told['type'] == 'act': print(told['legal'][0], flush=True)\n"
    )
    assert not play(tmp_path, f"cmd:{sys.executable} {program}", "first", memory_mib=least).faults


def test_the_log_is_kept_up_to_its_limit(tmp_path):
    source = """
        import sys
        def act(observation):
            print('o' * 700)
            print('e' * 700, file=sys.stderr)
            return observation.legal[0]
    """
    played = play(tmp_path, source, "first", log_kib=1)
    assert not played.faults
    assert sum(len(text) for _, _, text in played.logs) == 1024


# --------------------------------------------------------------------- limits of a run, and of one agent

PLAN = ("--games", "tictactoe", "--opponents", "first", "-n", 4, "--seed", 1 << 50)


def stored(sql):
    with sqlite3.connect(".evalengine/arena.db") as db:
        found = db.execute(sql).fetchall()
    db.close()
    return found


def test_limits_from_a_script_are_looked_at_too(tmp_path):
    with pytest.raises(UsageError, match=r"^turn_s must be from 0\.001"):
        evalengine.run("tictactoe", ["first", "random"], n=2, db=tmp_path / "a.db", limits=Limits(turn_s=0))


def test_every_limit_of_a_run_is_stored(shell):
    shell.file("bot.py", FIRST)
    options = "--turn-s 3 --start-s none --match-s 60 --increment-s 0.5 --clock wall --memory-mib 256 --procs 4"
    assert shell("run", "bot.py", *PLAN, *options.split(), "--tmp-mib", "8", "--log-kib", "16") == 0
    ((told,),) = stored("select limits from run")
    assert json.loads(told) == {
        "turn_s": 3.0,
        "start_s": None,
        "match_s": 60.0,
        "increment_s": 0.5,
        "clock": "wall",
        "memory_mib": 256,
        "processes": 4,
        "tmp_mib": 8,
        "log_kib": 16,
    }


def own_limits():
    return {name: json.loads(spec)["limits"] for name, spec in stored("select name, spec from agent")}


def test_one_agent_has_limits_of_its_own(shell):
    shell.file("slow.py", BURN + "def act(observation):\n    burn(0.15)\n    return observation.legal[0]\n")
    shell.file("same.py", BURN + "def act(observation):\n    burn(0.15)\n    return observation.legal[-1]\n")
    plan = ("run", "slow.py", "same.py", "--games", "tictactoe", "-n", 2, "--format", "json")
    assert shell(*plan, "-o", "slow.turn_s=0.05", "-o", "slow.procs=2") == 0
    faults = {line["agent"]: line["faults"] for line in json.loads(shell.out)["standings"]}
    assert faults == {"slow": 2, "same": 0}
    assert own_limits()["same"] is None
    assert own_limits()["slow"] == Limits(turn_s=0.05, processes=2)._asdict()


def test_a_table_of_the_settings_file_bears_the_agents_name(shell):
    shell.file("bot.v2.py", FIRST)
    shell.file("evalengine.toml", 'turn-s = 4\n["bot.v2"]\nturn-s = 3\nmemory-mib = "none"\n[absent]\nturn-s = 1\n')
    assert shell("run", "bot.v2.py", *PLAN, "-o", "bot.v2.match_s=9") == 0
    assert own_limits()["bot.v2"] == Limits(turn_s=3.0, memory_mib=None, match_s=9.0)._asdict()
    assert shell("standings") == 0  # other commands read the same file


@pytest.mark.slow
def test_limits_are_part_of_what_a_result_is_known_by(shell):
    shell.file("bot.py", FIRST)
    keys = []
    for options in ((), ("--clock", "wall"), ("-o", "bot.tmp_mib=8"), ()):
        assert shell("run", "bot.py", *PLAN, *options) == 0
        run = len(keys) + 1
        keys.append({key for (key,) in stored(f"select key from match where id >> 40 = {run}")})
    assert keys[0] == keys[3]
    assert keys[0].isdisjoint(keys[1] | keys[2])
    assert keys[1].isdisjoint(keys[2])


def test_a_resumed_run_keeps_its_limits(shell):
    shell.file("spin.py", SPIN)
    run = ("run", "spin.py", *PLAN, "--turn-s", 5, "-o", "spin.turn_s=0.05", "-x")
    assert shell(*run) == 2
    assert len(stored("select 1 from match")) < 4
    assert shell("run", "--resume") == 0
    assert len(stored("select 1 from match")) == 4
    assert {detail[:30] for (detail,) in stored("select detail from fault")} == {"0.05 s a turn exceeded (CPU): "}


@pytest.mark.slow
def test_what_failed_is_played_again_with_other_limits(shell):
    shell.file("slow.py", BURN + "def act(observation):\n    burn(0.15)\n    return observation.legal[0]\n")
    plan = ("run", "slow.py", *PLAN[:-4], "-n", 2, "-o", "slow.turn_s=0.05", "-o", "slow.tmp_mib=8", "--format", "json")
    assert shell(*plan) == 0
    assert json.loads(shell.out)["faults"] == {"timeout": 2}
    assert shell("run", "--lf", "--format", "json") == 0
    assert json.loads(shell.out)["faults"] == {"timeout": 2}
    assert shell("run", "--lf", "-o", "slow.turn_s=1", "--format", "json") == 0
    assert json.loads(shell.out)["faults"] == {}
    assert json.loads(stored("select spec from agent where run = 3 and name = 'slow'")[0][0])["limits"]["tmp_mib"] == 8


@pytest.mark.skipif(not tasks.KNOWN, reason="Linux only")
def test_what_waits_for_a_core_is_told_of_agents_whose_worker_waits_its_turn():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as agent:
        assert agent.pid in tasks.waits(agent.pid)
        tasks.let_others_finish()
        try:
            assert agent.pid in tasks.waits(agent.pid)
        finally:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
