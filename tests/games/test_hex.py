import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalengine import ConfigError, Match, MatchSpec, load_game


def begun(size):
    return Match(MatchSpec(0, 0, 0, 1, (0, 1)), load_game("hex", size=size))


def after(size, *cells):
    match = begun(size)
    for cell in cells:
        match.answer(match.requests()[0].seat, cell)
    return match


def joined(board, size, mark):
    """Say whether `mark` joins its edges, the slow way: a walk from the first edge over neighbouring stones."""
    own = {(k // size, k % size) for k, cell in enumerate(board) if cell == mark}
    along = mark - 1  # rows for seat 0, columns for seat 1
    reached = [cell for cell in own if cell[along] == 0]
    own.difference_update(reached)
    for row, column in reached:
        near = [(row - 1, column), (row - 1, column + 1), (row, column - 1), (row, column + 1)]
        near += [(row + 1, column - 1), (row + 1, column)]
        found = own.intersection(near)
        own -= found
        reached += sorted(found)
    return any(cell[along] == size - 1 for cell in reached)


def test_seat_0_joins_top_and_bottom():
    match = after(3, 1, 0, 4, 3, 7)
    assert match.result.scores == (1.0, -1.0)
    assert match.state.view(1) == {"board": [2, 1, 0, 2, 1, 0, 0, 1, 0], "mark": 2, "to_move": None}


def test_seat_1_joins_left_and_right():
    match = after(3, 0, 3, 1, 4, 8, 5)
    assert match.result.scores == (-1.0, 1.0)


def test_cells_on_the_long_diagonal_do_not_touch():
    assert not after(2, 0, 1, 3).over  # 0 and 3 do not, so nobody has won
    assert after(2, 1, 0, 2).result.scores == (1.0, -1.0)  # 1 and 2 do


def test_stones_joined_late_count_from_both_ends():
    # Seat 0 lays a column of five, the middle last.
    match = after(5, 2, 0, 7, 1, 22, 3, 17, 4)
    assert not match.over
    match.answer(0, 12)
    assert match.result.scores == (1.0, -1.0)


@pytest.mark.parametrize("size", [2, 3, 5, 11, 26])
@settings(deadline=None, max_examples=20)
@given(rng=st.randoms(use_true_random=False))
def test_any_match_agrees_with_a_slow_look_and_somebody_wins(size, rng):
    match = begun(size)
    look = 1 if size < 10 else 4 * size  # turns; the slow way is slow
    while not match.over:
        (request,) = match.requests()
        if request.turn % look == 0:
            board = match.state.view(0)["board"]
            assert list(request.legal) == [cell for cell, mark in enumerate(board) if not mark]
            assert not joined(board, size, 1)
            assert not joined(board, size, 2)
        match.answer(request.seat, rng.choice(request.legal))
    board = match.state.view(0)["board"]
    first = joined(board, size, 1)
    assert joined(board, size, 2) is not first
    assert match.result.scores == ((1.0, -1.0) if first else (-1.0, 1.0))
    assert match.result.turns <= match.game.spec.max_turns == size * size


def test_the_size_has_bounds():
    with pytest.raises(ConfigError, match="size must be from 2 to 26, not 27"):
        load_game("hex(size=27)")


def test_cells_have_the_names_of_go():
    game = load_game("hex")
    assert [game.action_to_str(action) for action in (0, 10, 11, 120)] == ["a1", "k1", "a2", "k11"]


def test_the_position_can_be_read_and_drawn():
    state = after(3, 4, 2).state
    assert state.render() == "   a b c\n 1 . . o\n  2 . x .\n   3 . . ."
    drawing = ET.fromstring(state.svg())
    assert drawing[0].text == state.render()
    assert sum(shape.tag.endswith("circle") for shape in drawing) == 2
    assert sum(shape.tag.endswith("polygon") for shape in drawing) == 4 + 9
