"""GNU Go in one tournament with programs that only pretend to speak the Go Text Protocol."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from textwrap import dedent

import pytest

import evalengine
from evalengine import Limits

STUB = """
    import os, sys, time
    for line in sys.stdin:
        number, command, *_ = line.split()
        if command == "genmove":
            {body}
        print(f"={{number}}", "genmove" if command == "list_commands" else "", end="\\n\\n", flush=True)
"""
FAILING = {  # what it does when it should move, kind of fault
    "hangs": ("time.sleep(60)", "timeout"),
    "crashes": ("os.abort()", "crash"),
    "rubbish": ("print('bestmove \\x1b[2Jxyzzy', flush=True)", "protocol"),
    "cheats": ("print(f'={number} Z99', end='\\n\\n', flush=True); continue", "illegal"),
}


@pytest.mark.slow
def test_a_tournament_of_engines_goes_on_past_those_that_fail(tmp_path):
    if shutil.which("gnugo", path=os.environ.get("PATH", "") + ":/usr/games") is None:
        pytest.skip("gnugo is not installed")
    engines = {f"gnugo{level}": f"gnugo{level}=gtp:gnugo --mode gtp --level {level}" for level in (0, 1)}
    stubs = []
    for name, (body, _) in FAILING.items():
        path = tmp_path / f"{name}.py"
        path.write_text(dedent(STUB).format(body=body))
        stubs.append(f"{name}=gtp:{shlex.quote(sys.executable)} {shlex.quote(str(path))}")
    db = tmp_path / "arena.db"
    run = evalengine.run(
        "go(size=7)",
        [*engines.values(), *stubs],
        rounds=1,
        seed=1 << 50,
        db=db,
        opening="none",
        limits=Limits(turn_s=1.5),
    )
    assert (run.state, run.voids, run.played) == ("done", 0, 6 * 5)
    faults = {standing.agent: standing.faults for standing in run.standings}
    assert {agent for agent, count in faults.items() if not count} == set(engines)
    assert all(faults[name] >= 2 * len(engines) for name in FAILING)
    with evalengine.open_run(db) as stored:
        kinds = {
            (match.agents[seat], fault.kind)
            for match in stored.stored_matches("go")
            for _, seat, fault in match.result.faults
        }
    assert kinds == {(name, kind) for name, (_, kind) in FAILING.items()}
    assert {standing.agent for standing in run.standings[: len(engines)]} == set(engines)
