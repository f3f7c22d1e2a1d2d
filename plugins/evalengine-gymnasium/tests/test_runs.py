"""Real runs of the command line: boards by score, contained agents, replays, voids."""

from __future__ import annotations

import csv
import json
import subprocess
import sys

import pytest

BALANCE = """
def act(observation):
    x, speed, angle, spin = observation.view["observation"]
    return int(angle + spin > 0)
"""
CROSS = """
PATH = {0: 1, 4: 1, 8: 2, 9: 1, 13: 2, 14: 2}

def act(observation):
    return PATH.get(observation.view["observation"], 0)
"""
MASKED = """
import random

def act(observation):
    mask = observation.view["info"]["action_mask"]
    return random.choice([action for action, able in enumerate(mask) if able])
"""
SWING = """
import math

def act(observation):
    x, y, speed = observation.view["observation"]
    angle, energy = math.atan2(y, x), speed**2 / 2 + 15 * (x - 1)  # 0 when it stands
    if abs(angle) < 0.4:
        return [max(-2.0, min(2.0, -12.0 * angle - 3.0 * speed))]
    return [math.copysign(2.0, -speed * energy)]
"""
BETTER = {
    "gymnasium:CartPole-v1": (BALANCE, 200.0),
    "gymnasium:FrozenLake-v1(is_slippery=False)": (CROSS, 1.0),
    "gymnasium:Taxi-v4": (MASKED, -500.0),
    "gymnasium:Pendulum-v1": (SWING, -600.0),
}


def evalengine(folder, *arguments, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "evalengine", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("game", BETTER)
def test_the_board_is_ordered_by_score_with_intervals_that_part_the_better_from_random(game, tmp_path):
    source, least = BETTER[game]
    (tmp_path / "better.py").write_text(source)
    out = evalengine(
        tmp_path, "run", "gymnasium-random", "better.py", "--games", game, "-n", "40", "--seed", str(1 << 50),
        "--format", "csv",
    )  # fmt: skip
    first, second = csv.DictReader(out.splitlines())
    assert (first["agent"], second["agent"]) == ("better", "gymnasium-random")
    assert float(first["score"]) >= least
    assert float(second["hi"]) < float(first["lo"])
    again = evalengine(tmp_path, "run", "gymnasium-random", "better.py", "--games", game, "-n", "40", "--seed",
                       str(1 << 50), "--format", "csv", "--workers", "1")  # fmt: skip
    assert again == out
    replayed = evalengine(tmp_path, "replay", "0", "--format", "json")
    record = json.loads(evalengine(tmp_path, "show", "0", "--format", "json"))
    assert json.loads(replayed)["frames"][-1]["scores"] == [record["seats"][0]["score"]]


def test_an_environment_that_fails_voids_its_match_with_the_reason(tmp_path):
    (tmp_path / "worlds_of_mine.py").write_text(
        "import gymnasium\n\nclass Bad(gymnasium.Env):\n    action_space = gymnasium.spaces.Discrete(2)\n"
        "    observation_space = action_space\n\n    def reset(self, *, seed=None, options=None):\n"
        "        super().reset(seed=seed)\n        return 0, {}\n\n    def step(self, action):\n"
        "        if action:\n            raise RuntimeError('the wheel came off')\n"
        "        return 0, 1.0, True, False, {}\n\n"
        "gymnasium.register('Bad-v0', Bad)\n"
    )
    game = 'gymnasium:make(id="worlds_of_mine:Bad-v0")'
    evalengine(tmp_path, "run", "random", "--opponents", "none", "--games", game, "-n", "20", code=1)
    voids = json.loads(evalengine(tmp_path, "standings", "--format", "json"))["voids"]
    assert 0 < voids < 20
    shown = [evalengine(tmp_path, "show", str(number)) for number in range(20)]
    assert sum("RuntimeError: the wheel came off" in text for text in shown) == voids


def test_random_says_that_it_cannot_play_where_actions_are_not_listed(tmp_path):
    out = evalengine(
        tmp_path, "run", "random", "gymnasium-random", "--games", "gymnasium:Pendulum-v1", "-n", "4", "--format", "json"
    )
    assert json.loads(out)["faults"] == {"crash": 2}
