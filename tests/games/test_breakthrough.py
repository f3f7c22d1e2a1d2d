import random
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalengine import ConfigError, Match, MatchSpec, load_game


def named(game, state):
    """The legal actions by name."""
    return {game.action_to_str(action): action for action in state.legal(state.to_move()[0])}


def played(names, **config):
    game = load_game("breakthrough", **config)
    state = game.initial(2, None)
    for name in names.split():
        (seat,) = state.to_move()
        state = state.apply({seat: named(game, state)[name]}, None)
    return game, state


def test_seat_0_starts_at_the_top_with_two_rows():
    game, state = played("")
    assert state.render() == "\n".join(
        ["8 b b b b b b b b", "7 b b b b b b b b"]
        + [f"{row} . . . . . . . ." for row in (6, 5, 4, 3)]
        + ["2 w w w w w w w w", "1 w w w w w w w w", "  a b c d e f g h"]
    )
    assert state.to_move() == (0,)
    assert len(named(game, state)) == 22
    assert state.view(1) == {
        "board": [[1] * 8, [1] * 8, [0] * 8, [0] * 8, [0] * 8, [0] * 8, [2] * 8, [2] * 8],
        "mark": 2,
        "to_move": 0,
    }


def test_fewer_than_six_rows_have_one_row_of_men_a_seat():
    assert played("", rows=5, columns=3)[1].view(0)["board"] == [[1] * 3, [0] * 3, [0] * 3, [0] * 3, [2] * 3]
    assert played("", rows=6, columns=2)[1].view(0)["board"] == [[1] * 2, [1] * 2, [0] * 2, [0] * 2, [2] * 2, [2] * 2]


def test_a_man_is_blocked_straight_ahead_and_captures_diagonally():
    game, state = played("a3a2", rows=3, columns=2)
    assert named(game, state).keys() == {"a1b2", "b1b2", "b1a2*"}
    state = state.apply({1: named(game, state)["b1a2*"]}, None)
    assert state.render() == "3 . b\n2 w .\n1 w .\n  a b"


def test_men_do_not_step_round_the_edge():
    game, state = played("a7a6 h2h3")
    steps = named(game, state).keys()
    assert {name for name in steps if name.startswith("a6")} == {"a6a5", "a6b5"}
    assert {name for name in steps if name.startswith("h7")} == {"h7h6", "h7g6"}


def test_an_action_is_numbered_by_row_column_direction_and_capture():
    game, state = played("a3a2", rows=3, columns=2)
    assert named(game, state)["b1a2*"] == ((2 * 2 + 1) * 6 + 3) * 2 + 1
    assert named(game, state)["a1b2"] == ((2 * 2 + 0) * 6 + 5) * 2
    # OpenSpiel 2.0.2: breakthrough's first and last actions, a7a6 and h7h6.
    game, state = played("")
    assert (min(state.legal(0)), max(state.legal(0))) == (98, 182)
    assert (game.action_to_str(98), game.action_to_str(182)) == ("a7a6", "h7h6")


def test_who_reaches_the_far_row_wins():
    state = played("a3a2 a1b2", rows=3, columns=2)[1]
    assert (state.to_move(), state.scores()) == ((0,), (0.0, 0.0))
    state = played("a3a2 a1b2 a2a1", rows=3, columns=2)[1]
    assert (state.to_move(), state.scores()) == ((), (1.0, -1.0))
    state = played("a3a2 b1a2* b3b2 a2a3", rows=3, columns=2)[1]
    assert (state.to_move(), state.scores()) == ((), (-1.0, 1.0))


def test_who_captures_every_man_wins():
    state = played("b4a3 b1a2 a4b3 a2b3* a3b2 a1b2*", rows=4, columns=2)[1]
    assert state.render() == "4 . .\n3 . w\n2 . w\n1 . .\n  a b"
    assert state.to_move() == ()
    assert state.scores() == (-1.0, 1.0)
    assert state.view(0)["to_move"] is None


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(3, 8), st.integers(2, 8), st.integers(0, 2**63 - 1))
def test_every_match_is_won_within_the_limit(rows, columns, seed):
    game = load_game("breakthrough", rows=rows, columns=columns)
    match = Match(MatchSpec(0, 0, 0, seed, (0, 1)), game)
    draw = random.Random(seed)
    while not match.over:
        (request,) = match.requests()
        assert len(set(request.legal)) == len(request.legal) > 0
        match.answer(request.seat, draw.choice(request.legal))
    assert match.result.termination == "rules"
    assert sorted(match.result.scores) == [-1.0, 1.0]
    # Each man of two full rows walks to the far row at most, and one turn more (OpenSpiel's max_game_length).
    assert match.result.turns <= game.spec.max_turns == 2 * columns * (2 * rows - 3) + 1


def test_the_default_limit_is_openspiels():
    assert load_game("breakthrough").spec.max_turns == 209


@pytest.mark.parametrize("config", [{"rows": 2}, {"rows": 9}, {"columns": 1}, {"columns": 9}])
def test_sizes_out_of_range_are_refused(config):
    with pytest.raises(ConfigError):
        load_game("breakthrough", **config)


def test_a_clone_is_independent():
    game, state = played("a3a2", rows=3, columns=2)
    copy = state.clone()
    before = state.view(0), state.legal(1), state.scores()
    copy = copy.apply({1: named(game, copy)["b1a2*"]}, None)
    assert (state.view(0), state.legal(1), state.scores()) == before
    assert copy.view(0) != state.view(0)
    over = played("a3a2 a1b2 a2a1", rows=3, columns=2)[1].clone()
    assert (over.to_move(), over.scores()) == ((), (1.0, -1.0))


def test_a_view_that_is_kept_does_not_change():
    game, state = played("a3a2", rows=3, columns=2)
    view = state.view(0)
    state.apply({1: named(game, state)["b1a2*"]}, None)
    assert view["board"] == [[0, 1], [1, 0], [2, 2]]


def test_the_drawing_is_well_formed_and_has_a_disc_for_each_man():
    state = played("a3a2 b1a2*", rows=3, columns=2)[1]
    document = ET.fromstring(state.svg())
    assert len(document.findall("{*}circle")) == 3
    assert document.find("{*}title").text == state.render()
