"""Every bundled game as an environment, judged by PettingZoo's own tests."""

from __future__ import annotations

import copy
import pickle
import random
import types
import warnings

import numpy as np
import pytest
from evalengine_games.specs import SPECS
from evalengine_pettingzoo import Field, Layout, to_aec, to_parallel
from pettingzoo.test import api_test, max_cycles_test, parallel_api_test, parallel_seed_test, render_test, seed_test

import evalengine
from evalengine import ConfigError, GameError, Match, MatchSpec

NAMES = [spec.name for spec in SPECS]
VARIANTS = [
    ("breakthrough", {"rows": 5, "columns": 4}),
    ("connect4", {"columns": 5, "rows": 4, "inarow": 3}),
    ("hex", {"size": 4}),
    ("prisoners_dilemma", {"rounds": 7}),
    ("rps", {"rounds": 3}),
    ("tron", {"seats": 3, "size": 7}),
    ("tron", {"seats": 4, "size": 8}),
    ("tron", {"teams": True}),
]
ALL = [(name, {}) for name in NAMES] + VARIANTS
IDS = [name + "".join(f"-{key}={value}" for key, value in options.items()) for name, options in ALL]
every = pytest.mark.parametrize(("name", "options"), ALL, ids=IDS)
# What PettingZoo says of its own classic environments too, unless their names are on a list in its tests.
OF_DICTS = (
    "Observation is not a NumPy array",
    "Observation space for each agent probably should be gymnasium.spaces.box or gymnasium.spaces.discrete",
    "Action mask numpy array is all zeros",
)


@pytest.fixture
def only_of_dicts():
    """Let those warnings pass, and no other."""
    with warnings.catch_warnings():
        for text in OF_DICTS:
            warnings.filterwarnings("ignore", text)
        yield


@every
@pytest.mark.usefixtures("only_of_dicts")
def test_pettingzoo_tests_it_as_aec(name, options):
    api_test(to_aec(name, **options), num_cycles=200)


@every
@pytest.mark.usefixtures("only_of_dicts")
def test_pettingzoo_tests_it_as_parallel(name, options):
    parallel_api_test(to_parallel(name, **options), num_cycles=200)


@every
def test_pettingzoo_finds_it_deterministic_under_its_seed(name, options):
    seed_test(lambda: to_aec(name, **options), num_cycles=100)
    parallel_seed_test(lambda: to_parallel(name, **options), num_cycles=100)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", [to_aec, to_parallel])
def test_pettingzoo_renders_it(name, make, capsys):
    if make is to_aec:
        render_test(lambda **modes: make(name, **modes), {"svg": lambda text: text.startswith("<svg")})
    else:
        env = make(name, render_mode="ansi")
        env.reset(seed=1)
        assert env.render()
    env = make(name, render_mode="human")
    env.reset(seed=1)
    capsys.readouterr()
    assert env.render() is None
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("name", ["prisoners_dilemma", "rps"])  # that test knows no masks and no turns
def test_pettingzoo_counts_its_cycles(name):
    max_cycles_test(
        types.SimpleNamespace(
            env=lambda max_cycles: to_aec(name, max_cycles=max_cycles),
            parallel_env=lambda max_cycles: to_parallel(name, max_cycles=max_cycles),
        )
    )
