import random
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalengine import Match, MatchSpec, load_game

# Short matches found by search; every action in them is legal, or `played` fails.
MUST_JUMP_ON = "g3f4 d6c5 c3b4 e7d6 f4e5 d6f4 e3g5"
CROWNED = "c3d4 d6e5 g3h4 e5c3 d2b4 b6a5 e1d2 a5c3 c3e1"
NOBODY_LEFT = (
    "a3b4 h6g5 g3f4 g7h6 f4e5 f6d4 e3c5 b6d4 c3e5 d6f4 d2e3 f4d2 c1e3 a7b6 e1d2 b6c5 b4d6 c7e5 e3f4 g5e3 e3c1 h2g3 "
    "c1a3 g3f4 e5g3 g3e1 g1f2 e1g3 a1b2 a3c1"
)
BLOCKED = (
    "g3h4 h6g5 h2g3 b6c5 g3f4 c7b6 f4h6 c5b4 c3a5 a5c7 d8b6 d2c3 b8c7 e3f4 d6e5 f4d6 d6b8 b6c5 c1d2 f6g5 h4f6 f6d8 "
    "c5d4 c3e5 a7b6 b2c3 b6a5 a3b4 f8e7 d8f6"
)
QUIET = (
    "e3d4 f6g5 d4c5 d6b4 a3c5 b6d4 c3e5 g7f6 e5g7 h8f6 g3f4 g5e3 d2f4 c7b6 f4e5 f6d4 h2g3 b6c5 g3h4 d4e3 f2d4 d4b6 "
    "a7c5 g1f2 e7d6 h4g5 h6f4 f2e3 f4d2 e1c3 c5d4 c3e5 e5c7 b8d6 b2a3 d6e5 a3b4 d8e7 c1d2 f8g7 a1b2 e5f4 d2c3 g7h6 "
    "b2a3 f4e3 b4c5 e7f6 c3d4 f6g5 d4e5 g5h4 c5b6 e3d2 a3b4 h6g5 e5f6 g5f4 b4c5 f4e3 f6g7 h4g3 g7h8 e3f2 c5d6 d2c1 "
    "b6c7 c1d2 h8g7 d2e1 c7b8 g3h2 b8c7 h2g1"
)


def named(state):
    """The legal actions by name."""
    game = load_game("checkers")
    return {game.action_to_str(action): action for action in state.legal(state.to_move()[0])}


def played(names):
    state = load_game("checkers").initial(2, None)
    for name in names.split():
        (seat,) = state.to_move()
        state = state.apply({seat: named(state)[name]}, None)
    return state


def test_twelve_men_a_seat_start_on_the_dark_cells():
    state = played("")
    assert state.render() == (
        "8 . + . + . + . +\n"
        "7 + . + . + . + .\n"
        "6 . + . + . + . +\n"
        "5 . . . . . . . .\n"
        "4 . . . . . . . .\n"
        "3 o . o . o . o .\n"
        "2 . o . o . o . o\n"
        "1 o . o . o . o .\n"
        "  a b c d e f g h"
    )
    assert named(state).keys() == {"a3b4", "c3b4", "c3d4", "e3d4", "e3f4", "g3f4", "g3h4"}
    view = state.view(1)
    assert view["board"][0] == [0, 2, 0, 2, 0, 2, 0, 2]
    assert view["board"][7] == [1, 0, 1, 0, 1, 0, 1, 0]
    assert (view["mark"], view["to_move"], view["jumper"], view["quiet"]) == (2, 0, None, 0)


def test_an_action_is_numbered_by_row_column_direction_and_capture():
    # OpenSpiel 2.0.2: checkers' first actions.
    assert sorted(played("").legal(0)) == [322, 336, 338, 352, 354, 368, 370]
    assert named(played(""))["a3b4"] == 322 == ((5 * 8 + 0) * 4 + 1) * 2
    assert named(played("c3b4 d6c5")) == {"b4d6": ((4 * 8 + 1) * 4 + 1) * 2 + 1}


@pytest.mark.parametrize(("depth", "count"), list(enumerate([7, 49, 302, 1469, 7361, 36768], 1)))
def test_the_numbers_of_lines_are_the_published_ones(depth, count):
    # OEIS A133046, computed by Aart Bik; a line of jumps is one move there.
    def lines(state, left):
        if left == 0:
            return 1
        (seat,) = state.to_move()
        found = 0
        for action in state.legal(seat):
            after = state.clone().apply({seat: action}, None)
            found += lines(after, left - (after.to_move() != (seat,)))
        return found

    assert lines(played(""), depth) == count


def test_a_capture_must_be_made():
    assert named(played("a3b4 f6g5 g3h4 b6c5 h4f6")).keys() == {"e7g5", "g7e5", "c5a3"}


def test_a_capture_removes_the_piece_that_is_jumped_over():
    state = played("c3b4 d6c5 b4d6")
    assert state.view(0)["board"][3] == [0] * 8
    assert state.view(0)["board"][2] == [0, 2, 0, 1, 0, 2, 0, 2]
    assert state.to_move() == (1,)


def test_the_same_piece_jumps_on_though_others_could_jump():
    state = played(MUST_JUMP_ON)
    assert state.to_move() == (0,)
    assert state.view(0)["jumper"] == [3, 6]  # g5
    assert named(state).keys() == {"g5e7"}
    state = played(MUST_JUMP_ON + " g5e7")
    assert state.to_move() == (1,)
    assert state.view(0)["jumper"] is None


def test_a_jumper_may_choose_its_way():
    assert named(played("a3b4 h6g5 e3d4 g5h4 g3f4 d6e5 f4d6 e7c5")).keys() == {"c5e3", "c5a3"}


def test_a_man_that_is_crowned_stops_though_a_king_could_jump_on():
    state = played(CROWNED)
    assert state.view(0)["board"][7] == [1, 0, 1, 0, 4, 0, 1, 0]
    assert state.to_move() == (0,)
    # The jump that was left: back up over f2, and forced now.
    assert named(played(CROWNED + " a3b4")).keys() == {"e1g3"}


def test_kings_go_in_all_directions():
    state = played("a3b4 b6c5 c3d4 c5a3 d2c3 h6g5 c1d2 a3c1 g3h4 c1b2")
    assert state.view(0)["board"][6][1] == 4  # back up from c1


def test_who_has_no_piece_left_loses():
    state = played(NOBODY_LEFT)
    assert not {1, 3} & {piece for row in state.view(0)["board"] for piece in row}
    assert (state.to_move(), state.scores()) == ((), (-1.0, 1.0))


def test_who_is_blocked_loses():
    state = played(BLOCKED)
    assert 2 in {piece for row in state.view(0)["board"] for piece in row}
    assert (state.to_move(), state.scores()) == ((), (1.0, -1.0))
    assert state.view(1)["to_move"] is None


def test_forty_actions_without_a_capture_are_a_draw_though_men_stepped():
    before = played(QUIET.rsplit(" ", 1)[0])
    assert (before.view(0)["quiet"], before.to_move()) == (39, (1,))
    state = played(QUIET)
    assert (state.view(0)["quiet"], state.to_move(), state.scores()) == (40, (), (0.0, 0.0))
    assert list(state.legal(0)) == []


def test_scores_before_the_end_are_zero():
    assert played(MUST_JUMP_ON).scores() == (0.0, 0.0)


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, 2**63 - 1))
def test_a_match_ends_by_the_rules(seed):
    match = Match(MatchSpec(0, 0, 0, seed, (0, 1)), load_game("checkers"))
    draw = random.Random(seed)
    quiet = 0
    while not match.over:
        (request,) = match.requests()
        assert len(set(request.legal)) == len(request.legal)
        assert request.view["quiet"] == quiet
        action = draw.choice(request.legal)
        quiet = 0 if action % 2 else quiet + 1
        match.answer(request.seat, action)
    assert match.result.termination == "rules"


def test_a_clone_is_independent():
    state = played(MUST_JUMP_ON)
    copy = state.clone()
    assert (copy.view(0), copy.legal(0), copy.to_move()) == (state.view(0), state.legal(0), (0,))
    copy = copy.apply({0: named(copy)["g5e7"]}, None)
    assert state.view(0) == played(MUST_JUMP_ON).view(0)
    assert state.legal(0) == played(MUST_JUMP_ON).legal(0)
    assert copy.view(0) == played(MUST_JUMP_ON + " g5e7").view(0)


def test_the_drawing_is_well_formed_and_marks_kings():
    state = played(CROWNED)
    pieces = [piece for row in state.view(0)["board"] for piece in row if piece]
    document = ET.fromstring(state.svg())
    assert len(document.findall("{*}circle")) == len(pieces)
    assert [text.text for text in document.findall("{*}text")] == ["K"]
    assert document.find("{*}title").text == state.render()
