"""The examples of tasks and rollouts in the README of the installed client, with a game that is here."""

import json
import re
import subprocess
import sys
from importlib import metadata

from served import environment

GAME = ("pot_limit_omaha_hilo", "leduc_poker")
MODEL = '''
import json, re


def my_model(messages=None, system="", user=""):
    """Pass or check where it can; answer a task with anything."""
    if messages is not None:
        return '{"answer": "A"}'
    assert "## Instructions" in user and "respond with a JSON list of action objects" in system
    assert "_action_space" not in user.split("```")[1]
    return 'I call. ```json\\n[{"action": 0}]\\n```'
'''


def blocks(heading):
    """Return the blocks of Python below a heading."""
    text = metadata.metadata("gertlabs").get_payload()
    part = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]
    return re.findall(r"```python\n(.*?)```", part, re.DOTALL)


def run(served, code):
    """Run code as a user of the client would; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", MODEL + code.replace(*GAME)],
        env=environment(GERT_BASE_URL=served.base_url, GERT_API_KEY=served.key(), PYTHONDONTWRITEBYTECODE="1"),
        cwd=served.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_example_of_tasks(served):
    code, verifiers = blocks("Verifiable tasks: `gert()` and `score()`")
    scored, *_ = run(served, f"{code}\nprint(rewards)\n")
    assert eval(scored).keys() == {"points", "solved", "error"} or eval(scored).keys() == {"points", "solved"}
    part = verifiers.partition("data = Dataset")[0].replace(
        "import gertlabs, verifiers as vf\nfrom datasets import Dataset", ""
    )
    tasks = f"import gertlabs\n{part}\nprint(len(tasks), {{t.kind for t in tasks}})\n"
    assert run(served, tasks) == ["16 {'compression'}"]


def test_the_example_of_rollouts(served):
    code, *_ = blocks("RL rollouts (pure environment, for training)")
    told = "import json\nprint(json.dumps(result))\nprint(client.rollout_runs.list()[0]['status'])\n"
    reward, whole, status = run(served, f"{code}\n{told}")
    found = json.loads(whole)
    assert reward == f"{found['total_reward']} {found['outcome']}"
    assert found["completion_reason"] in {"game_complete", "policy_failed"}
    assert found["game"] == "leduc_poker"
    assert status == "closed"


def test_the_example_of_scores_on_policy(served):
    (scoring,) = [code for code in blocks("RL rollouts (pure environment, for training)") if "phase_ticks=20" in code]
    before = """
from gertlabs import GertClient, rollouts
client = GertClient()
run_id = client.rollout_runs.open(max_episodes=100)["run_id"]
episode_id = client.rollout_runs.reset(run_id, game="connect4")["episode_id"]
a1, a2, a3 = ([{"action": column}] for column in (0, 3, 6))
def act(observation, seat):
    return rollouts.parse_action(str(observation["_action_space"][0]))
"""
    after = "print(best['action_rank'], client.rollout_runs.get_episode(run_id, episode_id)['tick'])\n"
    assert run(served, before + scoring + after) == ["1 1"]


def test_openenv_is_importable_without_more(served):
    code = """
from gertlabs.openenv_env import load_environment
env = load_environment(game="leduc_poker", opponent_seats=1, max_episodes=5000, auto_curriculum=True)
shown = env.reset(seed=1)
while not shown.done:
    shown = env.step([{"action": shown.observation["_action_space"][0]}])
print(shown.metadata["completion_reason"])
env.close()
"""
    assert run(served, code) == ["game_complete"]
