import itertools

import pytest

from evalengine import ConfigError, Match, MatchSpec, load_game


def played(*rounds, **config):
    game = load_game("rps", **config)
    state = game.initial(2, None)
    for hands in rounds:
        state = state.apply(dict(enumerate(hands)), None)
    return state


def test_every_pair_of_hands_is_won_by_the_rule():
    beats = {(1, 0), (2, 1), (0, 2)}  # paper rock, scissors paper, rock scissors
    for one, other in itertools.product(range(3), repeat=2):
        expected = ((one, other) in beats) - ((other, one) in beats)
        assert played((one, other)).scores() == (expected, -expected)
        assert played((one, other)).rewards() == (expected, -expected)


def test_the_hands_are_openspiels():
    pyspiel = pytest.importorskip("pyspiel")
    peer = pyspiel.load_game("matrix_rps").new_initial_state()
    game = load_game("rps")
    assert [game.action_to_str(hand).capitalize() for hand in range(3)] == [
        peer.action_to_string(0, hand) for hand in range(3)
    ]
    for one, other in itertools.product(range(3), repeat=2):
        child = peer.clone()
        child.apply_actions([one, other])
        assert list(played((one, other)).scores()) == child.returns()


def test_the_score_is_the_mean_over_the_rounds_played():
    assert played().scores() == (0.0, 0.0)
    assert played().rewards() is None
    assert played((1, 0), (1, 0), (0, 0), (0, 1)).scores() == (0.25, -0.25)
    assert played((1, 0), (1, 0), (0, 0), (0, 1)).rewards() == (-1.0, 1.0)


def test_each_seat_sees_its_own_hands_as_mine():
    state = played((1, 0), (2, 0), rounds=7)
    assert state.view(0) == {"mine": [1, 2], "theirs": [0, 0], "round": 2, "rounds": 7}
    assert state.view(1) == {"mine": [0, 0], "theirs": [1, 2], "round": 2, "rounds": 7}


def test_a_view_that_is_kept_does_not_change():
    state = played((1, 0))
    view = state.view(0)
    state.apply({0: 2, 1: 2}, None)
    assert view["mine"] == [1]


@pytest.mark.parametrize("rounds", [1, 3, 1000])
def test_a_match_has_as_many_rounds_as_configured(rounds):
    game = load_game(f"rps(rounds={rounds})")
    assert game.spec.max_turns == rounds
    match = Match(MatchSpec(0, 0, 0, 1, (0, 1)), game)
    while not match.over:
        for request in match.requests():
            match.answer(request.seat, 1 + request.seat)
    assert match.result.turns == rounds
    assert match.result.termination == "rules"
    assert match.result.scores == (-1.0, 1.0)


@pytest.mark.parametrize("rounds", [0, 1001, 2.0, True])
def test_rounds_out_of_range_are_refused(rounds):
    with pytest.raises(ConfigError, match="rounds"):
        load_game("rps", rounds=rounds)


def test_the_text_shows_all_hands():
    assert played((0, 1), (2, 1)).render() == "2 of 20 rounds; seat 0 leads by 0\nseat 0: RS\nseat 1: PP"
