import random

import pytest

from evalengine import load_game
from evalengine_games.leduc_poker import _DEALS, Hand

FOLD, CALL, RAISE = range(3)
J1, J2, Q1, Q2, K1, K2 = range(6)


class Opens:
    """A generator that opens one given card."""

    def __init__(self, card):
        self.card = card

    def choice(self, cards):
        assert self.card in cards
        return self.card


def hand(cards, *actions, opens=None):
    rng = Opens(cards)
    state = load_game("leduc_poker").initial(2, rng)
    for action in actions:
        (seat,) = state.to_move()
        assert action in state.legal(seat)
        state = state.apply({seat: action}, Opens(opens))
    return state


def test_who_may_do_what():
    assert hand((J1, Q1)).legal(0) == (CALL, RAISE)
    assert hand((J1, Q1), CALL).legal(1) == (CALL, RAISE)
    assert hand((J1, Q1), RAISE).legal(1) == (FOLD, CALL, RAISE)
    assert hand((J1, Q1), RAISE, RAISE).legal(0) == (FOLD, CALL)
    assert hand((J1, Q1), CALL, CALL, opens=K1).legal(0) == (CALL, RAISE)
    assert hand((J1, Q1), CALL, RAISE, CALL, opens=K1).to_move() == (0,)


@pytest.mark.parametrize(
    ("cards", "opens", "score"),
    [((K1, Q1), J1, 1.0), ((J1, Q1), J2, 1.0), ((J1, K1), K2, -1.0), ((Q1, Q2), K1, 0.0), ((J2, Q1), K1, -1.0)],
)
def test_a_pair_wins_then_the_rank(cards, opens, score):
    assert hand(cards, CALL, CALL, CALL, CALL, opens=opens).scores() == (score, -score)


def test_raises_are_2_then_4_and_the_most_is_13():
    longest = (CALL, RAISE, RAISE, CALL, CALL, RAISE, RAISE, CALL)
    assert hand((K1, Q1), *longest, opens=J1).scores() == (13.0, -13.0)
    assert hand((K1, Q1), RAISE, opens=J1).view(0)["chips"] == [3, 1]
    assert hand((K1, Q1), RAISE, FOLD).scores() == (1.0, -1.0)
    assert hand((J1, Q1), CALL, CALL, RAISE, RAISE, FOLD, opens=J2).scores() == (-5.0, 5.0)


def test_before_the_end_nobody_has_won_anything():
    assert hand((K1, Q1), RAISE).scores() == (0.0, 0.0)


def test_the_open_card_is_drawn_when_it_is_opened():
    opened = {hand_after.public for seed in range(60) for hand_after in [_checked(seed)]}
    assert opened == {J2, Q2, K1, K2}


def _checked(seed):
    state = hand((J1, Q1), CALL)
    assert state.view(0)["public"] is None
    return state.apply({1: CALL}, random.Random(seed))


def test_all_deals_are_drawn():
    game = load_game("leduc_poker")
    assert {game.initial(2, random.Random(seed)).cards for seed in range(400)} == set(_DEALS)


def test_the_view_tells_the_betting_of_both_rounds():
    assert hand((J1, Q1), RAISE, CALL, CALL, opens=K2).view(1) == {
        "card": Q1,
        "public": K2,
        "rounds": [[RAISE, CALL], [CALL]],
        "chips": [3, 3],
        "theirs": None,
    }


def test_the_other_card_is_seen_after_a_showdown_only():
    ended = hand((J1, Q1), CALL, CALL, CALL, CALL, opens=K2)
    assert ended.view(1)["theirs"] == J1
    assert "J1" in ended.render(1)
    folded = hand((J1, Q1), RAISE, FOLD)
    assert folded.view(1)["theirs"] is None
    assert "J1" not in folded.render(1)
    assert "J1" not in folded.svg(1)
    assert "J1" in folded.render()


@pytest.mark.parametrize("actions", [(RAISE,), (RAISE, FOLD), (CALL, CALL, RAISE), (CALL, CALL, CALL, CALL)])
def test_samples_are_all_the_hands_that_a_seat_cannot_tell_apart(actions):
    state = hand((J1, Q1), *actions, opens=K2)
    alike = {
        cards
        for cards in _DEALS
        if state.public not in cards and Hand(cards, state.public, state.node).view(0) == state.view(0)
    }
    assert {state.sample(0, random.Random(seed)).cards for seed in range(80)} == alike
    assert len(alike) == {1: 5, 2: 5, 3: 4, 4: 1}[len(actions)]


def test_the_text_is_of_the_seat_that_looks():
    state = hand((J1, Q1), RAISE, CALL, opens=K2)
    text = "seat 0: J1, 3 in the pot\nseat 1: {}, 3 in the pot\nopen: K2\nactions: raise call /"
    assert state.render() == text.format("Q1")
    assert state.render(0) == text.format("?")
