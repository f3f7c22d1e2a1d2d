"""Broken games: each file in tests/broken names the rule that catches it; the sound ones they are made of hold all."""

import importlib
import json
from pathlib import Path

import pytest
from commandline import LEFT_OUT, Shell

from evalengine import plugins
from evalengine.testing import hanging
from evalengine.testing.checking import checked, ordered, tried
from evalengine.testing.subject import Subject

BROKEN = Path(__file__).parent / "broken"
NAMES = sorted(path.stem for path in BROKEN.glob("broken_*.py"))
RULES = {rule.name: rule for rule in ordered()}


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.syspath_prepend(str(BROKEN))


def spec_of(name):
    """Return the rule that a file says it breaks, and its game."""
    module = importlib.import_module(name)
    (spec,) = module.evalengine_games()
    return module.BREAKS, spec


def test_there_are_many_kinds():
    assert len(NAMES) >= 100
    assert {spec_of(name)[0] for name in NAMES} >= RULES.keys() - {"luck"}


@pytest.mark.parametrize("name", NAMES)
def test_a_broken_game_is_caught_by_the_rule_that_is_meant(name, monkeypatch):
    rule, spec = spec_of(name)
    if name == "broken_hangs":
        monkeypatch.setattr(hanging, "_PATIENCE_S", 0.5)
    verdict = tried(RULES[rule], Subject(spec=spec))
    assert verdict.outcome == "FAIL"
    assert verdict.told
    assert verdict.remedy
    assert verdict.call


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_check_finds_a_broken_game_by_all_its_rules(name, tmp_path, capsys):
    shell = Shell(tmp_path, capsys)
    rule, _ = spec_of(name)
    assert shell("check", BROKEN / f"{name}.py", "--format", "json") == 1
    (record,) = json.loads(shell.out)
    failed = [one["rule"] for one in record["rules"] if one["outcome"] == "failed"]
    assert rule in failed


@pytest.mark.parametrize("name", ["pile", "cards"])
def test_the_sound_games_that_they_are_made_of_hold_every_rule(name):
    module = importlib.import_module(name)
    found = list(checked(Subject(spec=module.spec(name))))
    assert [verdict.line for verdict in found if verdict.outcome != "ok"] == []
    assert len(found) == len(RULES)


@pytest.mark.parametrize("name", sorted(plugins.Plugins(LEFT_OUT).games()))
def test_no_rule_finds_fault_with_a_bundled_game(name):
    found = list(checked(Subject(spec=plugins.Plugins().games()[name])))
    assert [verdict.line for verdict in found if verdict.outcome != "ok"] == []
