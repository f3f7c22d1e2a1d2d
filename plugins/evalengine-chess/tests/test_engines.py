"""Real engines in one tournament with programs that only pretend to be some."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from textwrap import dedent

import pytest

import evalengine
from evalengine import Limits

PATH = os.pathsep.join([os.environ["PATH"], "/usr/games", "/usr/local/games"])
ENGINES = {
    "stockfish": "uci:stockfish?nodes=200&Hash=16",
    "fairy-stockfish": "uci:fairy-stockfish?nodes=200&Hash=16",
    "fairymax": "xboard:fairymax?depth=3",
    "hoichess": "xboard:hoichess?depth=3",
    "phalanx": "xboard:phalanx",  # it knows no limit of depth
}
STUB = """
    import os, sys, time
    for line in sys.stdin:
        if line.startswith("uci\\n"):
            print("uciok", flush=True)
        elif line.startswith("isready"):
            print("readyok", flush=True)
        elif line.startswith("go"):
            {body}
"""
FAILING = {  # what it does when it should move, kind of fault
    "hangs": ("time.sleep(60)", "timeout"),
    "crashes": ("os.abort()", "crash"),
    "rubbish": ("print('bestmove \\x1b[2Jxyzzy', flush=True)", "illegal"),
}


@pytest.mark.slow
def test_a_tournament_of_engines_goes_on_past_those_that_fail(tmp_path):
    for engine in ENGINES:
        if shutil.which(engine, path=PATH) is None:
            pytest.skip(f"no {engine} on this machine")
    stubs = []
    for name, (body, _) in FAILING.items():
        path = tmp_path / f"{name}.py"
        path.write_text(dedent(STUB).format(body=body))
        stubs.append(f"{name}=uci:{shlex.quote(sys.executable)} {shlex.quote(str(path))}")
    db = tmp_path / "arena.db"
    run = evalengine.run(
        "chess(openings=standard, max_turns=16)",
        [*ENGINES.values(), *stubs],
        rounds=1,
        seed=1 << 50,
        db=db,
        limits=Limits(turn_s=1.0),
    )
    assert (run.state, run.voids, run.played) == ("done", 0, 8 * 7)
    faults = {standing.agent: standing.faults for standing in run.standings}
    assert {agent for agent, count in faults.items() if not count} == set(ENGINES)
    # Two that fail meet too: whoever is to move first is the one that is told.
    assert all(faults[name] >= 2 * len(ENGINES) for name in FAILING)
    with evalengine.open_run(db) as stored:
        kinds = {
            (match.agents[seat], fault.kind)
            for match in stored.stored_matches("chess")
            for _, seat, fault in match.result.faults
        }
    assert kinds == {(name, kind) for name, (_, kind) in FAILING.items()}
    assert {standing.agent for standing in run.standings[: len(ENGINES)]} == set(ENGINES)


def test_the_worker_of_engines_waits_its_turn_and_engines_are_scheduled_as_usual(tmp_path):
    path = tmp_path / "engine.py"
    path.write_text(dedent(STUB).format(body="print(os.sched_getscheduler(0), file=sys.stderr, flush=True); break"))
    engine = f"uci:{shlex.quote(sys.executable)} {shlex.quote(str(path))}"

    def inside(observation):  # which travels without this module
        import os

        from evalengine import Answer

        return Answer(observation.legal[0], os.sched_getscheduler(0))

    db = tmp_path / "arena.db"
    evalengine.run("chess", [engine, inside], n=2, workers=1, sandbox="none", opening="none", db=db)
    with evalengine.open_run(db) as stored:
        matches = list(stored.stored_matches())
    assert {log["text"].strip() for match in matches for log in match.logs} == {str(os.SCHED_OTHER)}
    assert {info for match in matches for _, _, info in match.infos} == {os.SCHED_BATCH}
