import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalengine import ConfigError, Match, MatchSpec, load_game

GAME = load_game("connect4")


def after(game, columns):
    match = Match(MatchSpec(0, 0, 0, 1, (0, 1)), game)
    for column in columns:
        (request,) = match.requests()
        match.answer(request.seat, column)
    return match


def test_a_disc_falls_and_the_board_is_listed_from_the_top_as_in_kaggles_connectx():
    match = after(GAME, [3, 3, 0])
    board = [0] * 42
    board[5 * 7 + 3], board[4 * 7 + 3], board[5 * 7] = 1, 2, 1
    assert match.state.view(1) == {"board": board, "mark": 2}
    assert match.state.view(0) == {"board": board, "mark": 1}


def test_the_configuration_has_the_names_of_kaggles_connectx():
    # kaggle-environments, connectx.json: columns 7, rows 6, inarow 4.
    assert GAME.config == {"columns": 7, "rows": 6, "inarow": 4}


@pytest.mark.parametrize(
    "columns",
    [
        [0, 1, 0, 1, 0, 1, 0],  # a column
        [0, 0, 1, 1, 2, 2, 3],  # the bottom row
        [0, 1, 1, 2, 2, 3, 2, 3, 3, 6, 3],  # up to the right
        [6, 5, 5, 4, 4, 3, 4, 3, 3, 0, 3],  # up to the left
    ],
)
def test_four_in_a_line_win(columns):
    assert not after(GAME, columns[:-1]).over
    match = after(GAME, columns)
    assert match.result.scores == (1.0, -1.0)
    assert match.result.turns == len(columns)


def test_a_line_does_not_run_on_from_the_top_of_a_column_into_the_next():
    # The three top cells of column 0 and the lowest of column 1 are neighbours in a naive layout.
    match = after(GAME, [1, 0, 1, 0, 2, 0, 0, 1, 0, 3, 0])
    assert not match.over
    assert match.state.view(0)["board"][0:21:7] == [1, 1, 1]


def test_a_full_column_is_closed_and_a_full_board_is_a_draw():
    match = after(load_game("connect4(columns=2, rows=3, inarow=3)"), [0, 0, 0])
    (request,) = match.requests()
    assert list(request.legal) == [1]
    assert match.refusal(request.seat, 0) == "not a legal action"
    for seat in (1, 0, 1):
        match.answer(seat, 1)
    assert match.result.scores == (0.0, 0.0)
    assert match.result.turns == match.game.spec.max_turns == 6


def test_a_line_that_fits_nowhere_is_refused():
    with pytest.raises(ConfigError, match=r"inarow=5 does not fit on 3 columns and 4 rows"):
        load_game("connect4(columns=3, rows=4, inarow=5)")


def in_line(board, columns, rows, inarow, mark):
    """Look for a line the slow way."""
    own = {(k // columns, k % columns) for k, cell in enumerate(board) if cell == mark}
    ways = [(0, 1), (1, 0), (1, 1), (1, -1)]
    return any(
        all((row + step * down, column + step * right) in own for step in range(inarow))
        for row, column in own
        for down, right in ways
    )


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 9), st.integers(2, 9), st.integers(2, 8), st.randoms(use_true_random=False))
def test_any_board_agrees_with_a_slow_look(columns, rows, inarow, rng):
    inarow = min(inarow, max(columns, rows))
    match = after(load_game("connect4", columns=columns, rows=rows, inarow=inarow), [])
    while not match.over:
        board = match.state.view(0)["board"]
        assert not in_line(board, columns, rows, inarow, 1)
        assert not in_line(board, columns, rows, inarow, 2)
        (request,) = match.requests()
        assert list(request.legal) == [column for column in range(columns) if board[column] == 0]
        match.answer(request.seat, rng.choice(request.legal))
    board = match.state.view(0)["board"]
    lines = [in_line(board, columns, rows, inarow, mark) for mark in (1, 2)]
    assert match.result.scores == (float(lines[0]) - lines[1], float(lines[1]) - lines[0])
    assert any(lines) or 0 not in board


def test_the_position_can_be_read_and_drawn():
    state = after(GAME, [3, 3, 0]).state
    assert state.render().splitlines()[-3:] == [". . . o . . .", "x . . x . . .", "0 1 2 3 4 5 6"]
    drawing = ET.fromstring(state.svg())
    assert drawing[0].text == state.render()
    assert sum(shape.tag.endswith("circle") for shape in drawing) == 3
