"""Picks: what is dealt, what counts, and what a sample may change."""

import random

import pytest

from evalengine import Match, MatchSpec, load_game


def begin(seed=1):
    return Match(MatchSpec(0, 0, 0, seed, (0, 1)), load_game("picks"))


def play(match, choose, turns=10):
    for _ in range(turns):
        for request in match.requests():
            match.answer(request.seat, choose(request))
    return match


def test_each_turn_offers_each_seat_five_numbers_of_its_own_and_the_deck_is_dealt_once():
    match, offered = begin(), []
    for _ in range(10):
        for request in match.requests():
            assert list(request.legal) == sorted(request.legal) == request.view["offer"]
            offered += request.legal
            match.answer(request.seat, request.legal[0])
    assert sorted(offered) == list(range(100))
    assert match.over


def test_the_score_is_the_sum_of_what_was_taken():
    match = play(begin(), lambda request: request.legal[-1] if request.seat else request.legal[0])
    low, high = match.result.scores
    assert [low, high] == [sum(taken) for taken in match.state.taken]
    assert low < high
    assert match.result.places == (2, 1)


def test_a_number_of_the_other_seat_is_refused():
    match = begin()
    first, second = match.requests()
    assert match.refusal(0, second.legal[0])
    assert not match.refusal(0, first.legal[0])


@pytest.mark.parametrize("turns", [0, 1, 5, 9, 10])
@pytest.mark.parametrize("seat", [0, 1])
def test_a_sample_keeps_what_the_seat_was_offered_and_what_anybody_took(turns, seat):
    state = play(begin(), lambda request: random.Random(request.turn).choice(request.legal), turns).state
    rng = random.Random(1)
    for _ in range(20):
        sample = state.sample(seat, rng)
        assert sorted(sample.deck) == list(range(100))
        assert sample.view(seat) == state.view(seat)
        for turn in range(turns):
            assert sample._offer(seat, turn) == state._offer(seat, turn)
            assert sample.taken[1 - seat][turn] in sample._offer(1 - seat, turn)
