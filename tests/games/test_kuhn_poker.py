import random
from fractions import Fraction
from itertools import product

import pytest

from evalengine import load_game
from evalengine_games.kuhn_poker import _DEALS

PASS, BET = 0, 1


def hand(cards, *actions):
    (state,) = [deal for deal in _DEALS if deal.cards == cards]
    for action in actions:
        state = state.apply({state.to_move()[0]: action}, None)
    return state


def positions():
    stack = list(_DEALS)
    while stack:
        state = stack.pop()
        yield state
        stack += [state.apply({seat: action}, None) for seat in state.to_move() for action in state.legal(seat)]


# Kuhn (1950), "A simplified two-person poker", Contributions to the Theory of Games I.
@pytest.mark.parametrize(
    ("actions", "score"),
    [
        ((PASS, PASS), 1.0),
        ((PASS, BET, PASS), -1.0),
        ((PASS, BET, BET), 2.0),
        ((BET, PASS), 1.0),
        ((BET, BET), 2.0),
    ],
)
def test_the_five_ways_to_the_end(actions, score):
    assert hand((2, 0), *actions).to_move() == ()
    assert hand((2, 0), *actions).scores() == (score, -score)
    lost = hand((0, 2), *actions).scores()[0]
    assert lost == (score if PASS in actions and BET in actions and actions[-1] == PASS else -score)


def test_kuhns_equilibrium_has_the_value_minus_one_eighteenth():
    # Kuhn (1950): seat 0 may bet a jack never, then bets no king either and calls a bet with a queen 1/3 of the time.
    third = Fraction(1, 3)
    bets = {  # probability to bet or call by (card, actions so far)
        (0, ()): 0, (1, ()): 0, (2, ()): 0, (0, (0, 1)): 0, (1, (0, 1)): third, (2, (0, 1)): 1,
        (0, (0,)): third, (1, (0,)): 0, (2, (0,)): 1, (0, (1,)): 0, (1, (1,)): third, (2, (1,)): 1,
    }  # fmt: skip

    def value(state):
        if not state.to_move():
            return Fraction(state.scores()[0])
        (seat,) = state.to_move()
        chance = bets[state.cards[seat], state.actions]
        after = [value(state.apply({seat: action}, None)) for action in (PASS, BET)]
        return (1 - chance) * after[PASS] + chance * after[BET]

    assert sum(map(value, _DEALS)) / len(_DEALS) == Fraction(-1, 18)


def test_all_deals_are_drawn():
    game = load_game("kuhn_poker")
    drawn = {game.initial(2, random.Random(seed)).cards for seed in range(100)}
    assert drawn == {(one, other) for one, other in product(range(3), repeat=2) if one != other}


def test_the_other_card_is_seen_after_a_showdown_only():
    for state in positions():
        folded = not state.to_move() and state.chips[0] != state.chips[1]
        shown = not state.to_move() and not folded
        for seat in (0, 1):
            view = state.view(seat)
            assert view["card"] == state.cards[seat]
            assert view["theirs"] == (state.cards[1 - seat] if shown else None)
            assert ("?" in state.render(seat)) is not shown
            assert (">?<" in state.svg(seat)) is not shown


def test_the_view_tells_the_betting():
    assert hand((1, 2), PASS, BET).view(0) == {"card": 1, "actions": [0, 1], "chips": [1, 2], "theirs": None}


def test_samples_are_all_the_hands_that_a_seat_cannot_tell_apart():
    rng = random.Random(1)
    for state in positions():
        for seat in (0, 1):
            alike = {other.cards for other in positions() if other.view(seat) == state.view(seat)}
            samples = [state.sample(seat, rng) for _ in range(40)]
            assert {sample.cards for sample in samples} == alike
            assert all(sample.view(seat) == state.view(seat) for sample in samples)


def test_the_text_is_of_the_seat_that_looks():
    state = hand((1, 2), PASS, BET)
    assert state.render() == "seat 0: Q, 1 in the pot\nseat 1: K, 2 in the pot\nactions: pass bet"
    assert state.render(0) == "seat 0: Q, 1 in the pot\nseat 1: ?, 2 in the pot\nactions: pass bet"
