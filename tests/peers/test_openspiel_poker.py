"""Kuhn and Leduc poker against OpenSpiel: every deal and every sequence of actions."""

import pytest

from evalengine import load_game
from evalengine_games import kuhn_poker, leduc_poker

pyspiel = pytest.importorskip("pyspiel")


class Dealt:
    """A generator that deals one given card or pair of cards."""

    def __init__(self, outcome):
        self.outcome = outcome

    def choice(self, options):
        assert self.outcome in options
        return self.outcome


def chance_outcomes(peer):
    return [action for action, probability in peer.chance_outcomes() if probability > 0]


def deals(peer):
    """Yield (cards by seat, OpenSpiel's state after the deal)."""
    for first in chance_outcomes(peer):
        for second in chance_outcomes(peer.child(first)):
            yield (first, second), peer.child(first).child(second)


def compare(state, peer, seen):
    """Walk both trees side by side; `seen` counts positions and ends."""
    seen["positions"] += 1
    if peer.is_terminal():
        seen["ends"] += 1
        assert state.to_move() == ()
        assert list(state.scores()) == peer.returns()
        return
    assert list(state.to_move()) == [peer.current_player()]
    (seat,) = state.to_move()
    assert list(state.legal(seat)) == peer.legal_actions()
    for action in peer.legal_actions():
        child = peer.child(action)
        if child.is_chance_node():
            for card in chance_outcomes(child):
                compare(state.apply({seat: action}, Dealt(card)), child.child(card), seen)
        else:
            compare(state.apply({seat: action}, None), child, seen)


def test_kuhn_poker_is_openspiels_in_every_position():
    peer = pyspiel.load_game("kuhn_poker")
    seen = {"positions": 0, "ends": 0}
    for cards, dealt in deals(peer.new_initial_state()):
        (hand,) = [deal for deal in kuhn_poker._DEALS if deal.cards == cards]
        compare(load_game("kuhn_poker").initial(2, Dealt(hand)), dealt, seen)
    assert seen == {"positions": 54, "ends": 30}


def test_leduc_poker_is_openspiels_in_every_position():
    peer = pyspiel.load_game("leduc_poker")
    seen = {"positions": 0, "ends": 0}
    for cards, dealt in deals(peer.new_initial_state()):
        assert cards in leduc_poker._DEALS
        compare(load_game("leduc_poker").initial(2, Dealt(cards)), dealt, seen)
    # By deal: 6 decisions and 4 folds in round 1; 5 ways to round 2, 4 open cards, there 6 decisions and 9 ends.
    assert seen == {"positions": 30 * (6 + 4 + 5 * 4 * 15), "ends": 30 * (4 + 5 * 4 * 9)}


@pytest.mark.parametrize("name", ["kuhn_poker", "leduc_poker"])
def test_limits_are_openspiels(name):
    peer, spec = pyspiel.load_game(name), load_game(name).spec
    assert (spec.min_score, spec.max_score) == (peer.min_utility(), peer.max_utility())
    assert spec.max_turns == peer.max_game_length()
