"""Actions as people type them, in games that take more than they list."""

import random

import pytest

from evalengine import typed_actions
from evalengine.plugins import Plugins
from evalengine.references import build_game


@pytest.fixture(scope="module")
def market():
    spec = Plugins().games()["market_simulator"]
    return build_game(spec, {"ticks": 3})


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("buy 5 grain at 43", [{"good": "grain", "side": "buy", "quantity": 5, "price": 43}]),
        ("[]", []),
        ('[{"good": "silk", "side": "sell", "quantity": 2, "price": 220}]',
         [{"good": "silk", "side": "sell", "quantity": 2, "price": 220}]),
    ],
)  # fmt: skip
def test_orders_are_taken_as_the_rules_write_them(market, text, action):
    legal = market.initial(2, random.Random(1)).legal(0)
    assert typed_actions.understood(market, text, legal, typed_actions.named(market, legal)) == (True, action)


@pytest.mark.parametrize("text", ["[", "{'a': 1}", "[" * 100_000, "nothing of it", ""])
def test_what_is_no_action_is_none(market, text):
    legal = market.initial(2, random.Random(1)).legal(0)
    assert typed_actions.understood(market, text, legal, {}) == (False, None)
