import random
from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from evalengine import Match, MatchSpec, load_game


def played(*pits):
    state = load_game("kalah").initial(2, None)
    for pit in pits:
        (seat,) = state.to_move()
        assert state.refuse(seat, pit) is None
        state = state.apply({seat: pit}, None)
    return state


def test_six_houses_a_seat_start_with_four_seeds():
    state = played()
    assert state.view(1) == {"board": [0, 4, 4, 4, 4, 4, 4, 0, 4, 4, 4, 4, 4, 4], "to_move": 0}
    assert list(state.legal(0)) == [1, 2, 3, 4, 5, 6]
    assert list(played(1).legal(1)) == [8, 9, 10, 11, 12, 13]
    assert state.render() == "     4   4   4   4   4   4\n 0                           0\n     4   4   4   4   4   4"


def test_an_empty_house_cannot_be_sown():
    state = played(1, 8)
    assert list(state.legal(0)) == [2, 3, 4, 5, 6]
    assert state.refuse(0, 1) is not None
    assert state.refuse(0, 8) is not None  # the other seat's
    assert state.refuse(0, 7) is not None  # a store


def test_the_last_seed_in_ones_own_store_means_to_act_again():
    state = played(3)
    assert state.view(0)["board"] == [0, 4, 4, 0, 5, 5, 5, 1, 4, 4, 4, 4, 4, 4]
    assert state.to_move() == (0,)
    state = played(3, 1, 10)  # seat 0 again, seat 1 into its own store
    assert state.view(0)["board"] == [1, 0, 5, 1, 6, 6, 5, 1, 4, 4, 0, 5, 5, 5]
    assert state.to_move() == (1,)


def test_the_last_seed_in_an_empty_house_takes_the_seeds_opposite():
    state = played(5, 8)
    assert state.view(0)["board"] == [0, 4, 4, 4, 4, 0, 5, 1, 0, 6, 5, 5, 5, 5]
    state = played(5, 8, 1)  # 2, 3, 4 and 5; opposite to 5 is 9
    assert state.view(0)["board"] == [0, 0, 5, 5, 5, 0, 5, 1 + 1 + 6, 0, 0, 5, 5, 5, 5]
    assert state.to_move() == (1,)


def test_nothing_is_taken_when_the_house_opposite_is_empty():
    assert played(6, 8).view(0)["board"] == [0, 4, 4, 4, 4, 4, 0, 1, 0, 6, 6, 5, 5, 5]
    assert played(6, 8, 2).view(0)["board"] == [0, 4, 0, 5, 5, 5, 1, 1, 0, 6, 6, 5, 5, 5]


def test_sowing_passes_the_other_seats_store():
    pits = (4, 10, 12, 1, 8, 4, 9, 12)
    assert played(*pits).view(0)["board"] == [4, 0, 6, 6, 0, 7, 6, 1, 0, 0, 2, 7, 0, 9]
    # Nine seeds from 13: 0, 1..6, not 7, 8 and 9, which was empty: the eight in 5 are taken with it.
    assert played(*pits, 13).view(0)["board"] == [4 + 1 + 1 + 8, 1, 7, 7, 1, 0, 7, 1, 1, 0, 2, 7, 0, 0]


def test_a_lap_ends_in_the_house_it_came_from_and_takes_the_seeds_opposite():
    pits = (1, 8, 2, 6, 11, 4, 12, 2, 13, 2, 10, 1, 12)
    before = played(*pits).view(0)["board"]
    assert before[3] == 13
    after = played(*pits, 3).view(0)["board"]
    assert after[0] == before[0]  # passed
    assert after[3] == after[11] == 0
    assert after[7] == before[7] + 1 + 1 + before[11] + 1
    others = [pit for pit in range(1, 14) if pit not in (3, 7, 11)]
    assert [after[pit] for pit in others] == [before[pit] + 1 for pit in others]


def test_it_is_over_when_a_side_is_empty_and_seeds_left_belong_to_their_side():
    state = played(6, 10, 1, 9, 11, 2, 10, 1, 13, 1, 8)
    assert state.view(0) == {"board": [20, 0, 2, 1, 7, 0, 2, 16, 0, 0, 0, 0, 0, 0], "to_move": None}
    assert state.to_move() == ()
    assert state.scores() == (1.0, -1.0)  # 28 to 20, though 16 to 20 in the stores


def test_equal_seeds_are_a_draw():
    state = played(3, 4, 10, 9, 8, 1, 12, 4, 13, 3, 10, 1, 9)
    assert state.view(0) == {"board": [24, 0, 1, 0, 0, 11, 1, 11, 0, 0, 0, 0, 0, 0], "to_move": None}
    assert state.scores() == (0.0, 0.0)


def test_scores_before_the_end_go_by_the_seeds_on_each_side():
    assert played().scores() == (0.0, 0.0)
    assert played(1).scores() == (0.0, 0.0)
    assert played(6).scores() == (-1.0, 1.0)  # 21 to 27
    assert played(5, 8, 1).scores() == (1.0, -1.0)


def test_an_action_is_written_as_its_number():
    game = load_game("kalah")
    assert [game.action_to_str(pit) for pit in (1, 6, 8, 13)] == ["1", "6", "8", "13"]


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, 2**63 - 1))
def test_a_match_keeps_all_seeds_and_ends_by_the_rules(seed):
    match = Match(MatchSpec(0, 0, 0, seed, (0, 1)), load_game("kalah"))
    draw = random.Random(seed)
    while not match.over:
        (request,) = match.requests()
        board = request.view["board"]
        assert sum(board) == 48
        houses = range(1, 7) if request.seat == 0 else range(8, 14)
        assert list(request.legal) == [house for house in houses if board[house]]
        match.answer(request.seat, draw.choice(request.legal))
    assert match.result.termination == "rules"


def test_a_clone_is_independent():
    state = played(3)
    copy = state.clone().apply({0: 1}, None)
    assert state.view(0) == played(3).view(0)
    assert state.to_move() == (0,)
    assert copy.view(0) == played(3, 1).view(0)


def test_the_drawing_is_well_formed_and_shows_every_pit():
    state = played(5, 8, 1)
    document = ET.fromstring(state.svg())
    counts = [int(text.text) for text in document.findall("{*}text")]
    assert sorted(counts) == sorted(state.view(0)["board"])
    assert document.find("{*}title").text == state.render()
