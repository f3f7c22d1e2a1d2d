"""Broken games: each file in tests/broken names the rule that catches it; the sound ones they are made of hold all."""

import contextlib
import importlib
import json
import sys
from pathlib import Path

import pytest
from commandline import Shell

from evalengine import GameSpec, hookimpl
from evalengine.plugins import Plugins
from evalengine.testing import GameContract
from evalengine.testing.checking import checked, ordered, tried
from evalengine.testing.subject import Subject

BROKEN = Path(__file__).parent / "broken"
NAMES = sorted(path.stem for path in BROKEN.glob("broken_*.py"))


@pytest.fixture(autouse=True, scope="module")
def _importable():
    sys.path.insert(0, str(BROKEN))
    yield
    sys.path.remove(str(BROKEN))


def verdicts(spec):
    return {verdict.rule: verdict for verdict in checked(Subject(spec=spec))}


@pytest.mark.parametrize("name", NAMES)
def test_a_broken_game_is_caught_by_the_rule_that_is_meant(name):
    module = importlib.import_module(name)
    (spec,) = module.evalengine_games()
    found = verdicts(spec)
    failed = {rule: verdict for rule, verdict in found.items() if verdict.outcome == "FAIL"}
    assert module.BREAKS in failed, {rule: verdict.line for rule, verdict in failed.items()}
    caught = failed[module.BREAKS]
    assert caught.told
    assert caught.remedy
    assert caught.call
