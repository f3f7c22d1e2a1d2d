"""The project's corpus: hostile and honest agents in real runs, judged from outside by corpus.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_containment import level_or_skip

CORPUS = Path(__file__).parent / "corpus"
NAMES = {kind: sorted(path.stem for path in (CORPUS / "python" / kind).glob("*.py")) for kind in ("attacks", "honest")}
LEVELS = ("namespaces", "landlock")
A_HANDFUL = ["read_canary_file", "persist_tmp", "double_fork_daemon", "h_threads"]
# docs/containment.md says so of the level.
LEFT_OPEN = {"landlock": {"host_names", "stat_canary"}, "namespaces": set()}
DO_NOT_WORK = {"landlock": {"h_one_child"}, "namespaces": set()}


def judge(level, names):
    """Return the verdict of each agent at a level."""
    level_or_skip(level)
    play = f"{sys.executable} {CORPUS / 'play_one.py'} {{agent}} {{rival}} {{result}} {{procs}}"
    # Seconds of CPU, which a busy machine gives slowly: an agent that spins while it starts has them all.
    options = f"--start-s 2 --sandbox {level}"
    done = subprocess.run(
        [sys.executable, CORPUS / "corpus.py", "-j", "2", "--only", ",".join(names), "--cmd", f"{play} {options}"],
        capture_output=True,
        text=True,
        check=False,  # its verdicts say it
        timeout=900,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    words = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    return {name.rstrip(":"): (verdict, *rest) for verdict, name, *rest in words if verdict != "COUNTS"}


def wanted(level, name):
    if name.startswith("h_"):
        return "BROKEN" if name in DO_NOT_WORK[level] else "WORKS"
    return "ESCAPED" if name in LEFT_OPEN[level] else "CONTAINED"


def test_a_handful_of_agents_is_contained_or_works():
    verdicts = judge("namespaces", A_HANDFUL)
    assert {name: verdict[0] for name, verdict in verdicts.items()} == {
        name: wanted("namespaces", name) for name in A_HANDFUL
    }, verdicts


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_every_hostile_agent_is_contained_and_every_honest_one_works(level):
    names = [*NAMES["attacks"], *NAMES["honest"]]
    verdicts = judge(level, names)
    assert {name: verdict[0] for name, verdict in verdicts.items()} == {name: wanted(level, name) for name in names}, {
        name: verdict for name, verdict in verdicts.items() if verdict[0] != wanted(level, name)
    }


def test_the_corpus_is_whole():
    assert (len(NAMES["attacks"]), len(NAMES["honest"])) == (53, 8)
