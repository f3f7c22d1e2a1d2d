"""What is kept of agents: where, and that a run finds it again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

BOT = """
import json, sys
for line in sys.stdin:
    if json.loads(line)["type"] == "act":
        print(json.loads(line)["legal"][0], flush=True)
"""


def command(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "evalengine", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture
def stopped(tmp_path):
    """A run with a program and a folder, stopped before its end; their sources are gone."""
    (tmp_path / "bot.py").write_text(BOT)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "agent.py").write_text("import helper\n\ndef act(o): return o.legal[helper.PLACE]\n")
    (tmp_path / "mine" / "helper.py").write_text("PLACE = -1\n")
    (tmp_path / "breaks.py").write_text("def act(o): raise ValueError\n")
    agents = [f"cmd:{sys.executable} bot.py", "mine", "breaks.py"]
    ended = command(tmp_path, "run", *agents, "--games", "tictactoe", "-n", "12", "-x", "--seed", str(1 << 50))
    assert ended.returncode == 2, ended.stderr
    shutil.rmtree(tmp_path / "mine")
    (tmp_path / "bot.py").unlink()
    return tmp_path


def test_a_run_goes_on_from_the_copies_of_its_agents(stopped):
    ended = command(stopped, "run", "--resume", "--format", "json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["matches"] == 12


@pytest.mark.parametrize("name", ["bot.py", "helper.py"])
def test_a_run_whose_copies_were_changed_is_refused(stopped, name):
    (copy,) = stopped.glob(f".evalengine/arena.agents/*/**/{name}")
    copy.chmod(0o644)
    copy.write_text(copy.read_text() + "\n# changed")
    ended = command(stopped, "run", "--resume")
    assert ended.returncode == 4
    assert "is gone or changed" in ended.stderr
