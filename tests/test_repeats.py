"""Agents from outside that do not repeat themselves under their seed are named."""

from __future__ import annotations

import evalengine

STEADY = """
import random

def act(observation):
    return random.choice(list({str(action): action for action in observation.legal}.values()))
"""
UNSTEADY = """
import os

def act(observation):
    return observation.legal[os.urandom(1)[0] % len(observation.legal)]
"""


def play(tmp_path, games, sources, **options):
    for name, source in sources.items():
        (tmp_path / f"{name}.py").write_text(source)
    files = [str(tmp_path / f"{name}.py") for name in sources]
    return evalengine.run(games, [*files, "random"], db=tmp_path / "arena.db", seed=1 << 50, **options)


def test_an_agent_that_acts_otherwise_on_the_same_observation_is_named(tmp_path):
    run = play(tmp_path, "othello", {"steady": STEADY, "unsteady": UNSTEADY}, n=6)
    assert run.summary()["not_deterministic"] == ["unsteady"]


def test_the_culprit_among_seats_that_act_at_once_is_named(tmp_path):
    run = play(tmp_path, "rps(rounds=60)", {"steady": STEADY, "unsteady": UNSTEADY}, n=6)
    assert run.summary()["not_deterministic"] == ["unsteady"]


def test_seeded_chance_is_no_unsteadiness(tmp_path):
    run = play(tmp_path, "tictactoe or tron", {"steady": STEADY, "twin": STEADY}, n=12)
    assert run.summary()["not_deterministic"] == []


def test_playing_again_stores_nothing(tmp_path):
    run = play(tmp_path, "tictactoe", {"steady": STEADY}, n=10)
    assert [match["match_no"] for match in run.matches] == list(range(10))


def test_what_was_found_is_stored_with_the_run(tmp_path):
    from evalengine.plugins import Plugins
    from evalengine.runs import reopen
    from evalengine.store import Store

    run = play(tmp_path, "othello", {"unsteady": UNSTEADY}, n=4)
    with Store(run.db) as store:
        assert reopen(store, run.number, Plugins()).unsteady == ["unsteady"]
