"""Kaggle's own http server serves an agent to us: kaggle_environments is the peer, where it is installed."""

import os
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from runs import until
from servers import Server

import evalengine

pytest.importorskip("httpx")
pytest.importorskip("flask")

BOT = """
def agent(observation, configuration):
    free = [column for column in range(configuration.columns) if observation.board[column] == 0]
    return free[observation.step % len(free)]
"""
RAISES = "def agent(observation, configuration):\n    raise ValueError('boom')\n"


def installed():
    code = "import importlib.util as u, sys; sys.exit(u.find_spec('kaggle_environments') is None)"
    return subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture
def kaggle(tmp_path):
    if not installed():
        pytest.skip("kaggle_environments is not installed")
    with Server(None) as free:  # a port that is free
        port = free.port
    code = "from kaggle_environments.main import main; main()"
    command = [sys.executable, "-c", code, "http-server", "--port", str(port)]
    process = subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listens():
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    try:
        until(listens)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.kill()
        process.wait()


def play(kaggle, bot, tmp_path):
    (tmp_path / "bot.py").write_text(bot)
    ref = f"k={kaggle}?agents[]={tmp_path}/bot.py#environment=connectx"
    return evalengine.run("connect4", [ref, "first"], n=2, seed=1 << 50, db=tmp_path / "a.db", workers=1, concurrency=1)


@pytest.mark.slow
def test_an_agent_that_kaggles_server_runs_plays_whole_matches(kaggle, tmp_path):
    run = play(kaggle, BOT, tmp_path)
    assert (run.faults, run.voids) == ({}, 0)
    assert [match["termination"] for match in run.matches] == ["rules", "rules"]


@pytest.mark.slow
def test_what_it_raises_there_is_a_crash_here(kaggle, tmp_path):
    run = play(kaggle, RAISES, tmp_path)
    assert run.faults == {"crash": 2}
    assert {row["detail"] for row in run._store.rows("select detail from fault")} == {"boom"}
