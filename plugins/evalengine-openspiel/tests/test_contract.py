"""What every game must hold, held by games of each kind that OpenSpiel has."""

import pytest
from evalengine_openspiel.specs import specs

from evalengine.testing.checking import checked
from evalengine.testing.subject import Subject

KINDS = [
    "tic_tac_toe",
    "kuhn_poker",
    "leduc_poker",
    "goofspiel",
    "bargaining",
    "liars_dice",
    "oware",
    "coin_game",
]


@pytest.mark.parametrize("name", KINDS)
def test_no_rule_finds_fault_with_a_game(name):
    (spec,) = [spec for spec in specs() if spec.name == f"openspiel:{name}"]
    assert [verdict.line for verdict in checked(Subject(spec=spec)) if verdict.outcome != "ok"] == []
