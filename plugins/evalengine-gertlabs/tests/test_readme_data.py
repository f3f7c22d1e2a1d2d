"""The README's examples of data, as they stand but with smaller numbers: the installed client, and 0.1.0."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from model_server import ModelServer
from served import Served, environment

FIRST = Path(__file__).with_name("gertlabs-0.1.0")
SMALLER = {
    "submission_count=20": "submission_count=2",
    "match_count=200": "match_count=3",
    "match_count=500": "match_count=6",
    "parent_count=5": "parent_count=1",
    "samples_per_action=3": "samples_per_action=1, max_actions=2, explore_interval=30",
    "interval=2.0": "interval=0.1",
    '["strategy"]': '["strategy", "board"]',
}
SOURCE = """
import random
def act(observation):
    return random.choice(observation.legal)
"""


def blocks(*headings):
    """Return the README's blocks of Python below some headings."""
    text = (FIRST / "README.md").read_text()
    found = []
    for heading in headings:
        part = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]
        found += re.findall(r"```python\n(.*?)```", part, re.DOTALL)
    return "\n".join(found)


def run(served, code, source, tmp_path):
    """Run code as a user of a version of the client would; return what it prints."""
    for text, smaller in SMALLER.items():
        code = code.replace(text, smaller)
    path = {} if source is None else {"PYTHONPATH": os.fspath(source)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"SOURCE = {SOURCE!r}\n{code}"],
        cwd=tmp_path,
        env=environment(GERT_BASE_URL=served.base_url, GERT_API_KEY=served.key(), PYTHONDONTWRITEBYTECODE="1", **path),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr + served.log[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def modelled(tmp_path_factory):
    with ModelServer() as models:
        folder = tmp_path_factory.mktemp("modelled")
        with Served(folder, "--rate", "0", settings=models.settings()) as served:
            yield served


VERSIONS = pytest.mark.parametrize("source", [None, FIRST / "src"], ids=["installed", "0.1.0"])


@pytest.mark.slow
@VERSIONS
def test_the_quickstart_builds_a_dataset_of_which_the_best_are_exported(modelled, source, tmp_path):
    code = blocks(
        "Quickstart: build a training dataset across many games",
        "Export only top performers (filter by evaluation score)",
    )
    printed = run(modelled, f"{code}\nprint(sorted(set(df['game'])), len(df), min(df['percentile']))", source, tmp_path)
    assert float(printed.split("\n")[1]) == pytest.approx(7 * 2 * 3 * 0.001)
    rows = [int(text) for text in re.findall(r"^(\d+) rows$", printed, re.MULTILINE)]
    assert rows[0] == 14  # submissions: two of each of seven games
    assert rows[1] > 14 * 3  # a match has several turns
    assert "['breakthrough', 'checkers', 'connect4', 'hex', 'kalah', 'othello', 'tictactoe']" in printed
    assert printed.split()[-1] == "1.0"


@pytest.mark.slow
@VERSIONS
def test_decisions_are_explored(modelled, source, tmp_path):
    before = 'from gertlabs import GertClient\nclient = GertClient()\npid = "my-model-v3"\n'
    code = blocks("Counterfactual data (branch exploration)").replace("strategy", "tictactoe")
    code = code.replace('game_tags=["tictactoe"]', 'game_slug="tictactoe"').replace(
        "explore_interval=30", "explore_interval=3"
    )
    printed = run(modelled, f"{before}{code}\nprint(len(df), sorted(df.columns))", source, tmp_path)
    assert int(printed.split()[0]) >= 2  # two actions of each decision
    assert "parent_session_id" in printed


@VERSIONS
def test_a_submission_of_ones_own_is_rated(served, source, tmp_path):
    before = "from gertlabs import GertClient\nclient = GertClient()\n"
    code = blocks("Fine-grained control").replace("market_simulator", "tictactoe")
    printed = run(served, before + code, source, tmp_path)
    assert 0 < float(printed) < 3000


@VERSIONS
def test_a_second_build_waits_for_the_first(modelled, source, tmp_path):
    before = (
        'from gertlabs import GertClient\nclient = GertClient()\npid = "scripted"\n'
        'first = client.dataset_builds.evaluate_code(game_slug="tictactoe", custom_provider_id=pid, '
        "submission_count=1, match_count=200)\n"
    )
    code = blocks("Errors").replace('game_tags=["strategy"]', 'game_slug="tictactoe"')
    after = 'print(build["job_id"] == first["job_id"], client.jobs.get(build["job_id"])["status"])'
    assert run(modelled, before + code + after, source, tmp_path) == "True completed\n"
