import random
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalengine import ConfigError, Fault, FaultKind, GameError, Match, MatchSpec, load_game

UP, RIGHT, DOWN, LEFT = range(4)


def start(seats=2, **config):
    return load_game("tron", **config).initial(seats, None)


def ride(state, *turns):
    for actions in turns:
        assert len(actions) == len(state.to_move())
        state = state.apply(dict(zip(state.to_move(), actions, strict=True)), None)
    return state


def quarter_turn(board):
    return [list(row) for row in zip(*board[::-1], strict=True)]


@pytest.mark.parametrize("size", [5, 6, 13, 64])
def test_starts_are_one_anothers_rotations(size):
    board = start(4, size=size).view(0)["board"]
    following = [[cell % 4 + 1 if cell else 0 for cell in row] for row in board]
    assert quarter_turn(following) == board
    duel = start(2, size=size).view(0)["board"]
    assert quarter_turn(quarter_turn(duel)) == [[3 - cell if cell else 0 for cell in row] for row in duel]


def test_of_three_seats_the_outer_two_mirror_each_other():
    view = start(3).view(0)
    assert view["heads"] == [[6, 1], [1, 6], [6, 11]]
    assert view["headings"] == [RIGHT, DOWN, LEFT]


def test_only_straight_back_is_refused():
    state = start()
    assert state.legal(0) == (UP, RIGHT, DOWN)
    assert state.legal(1) == (UP, DOWN, LEFT)
    assert ride(state, (UP, DOWN)).legal(0) == (UP, RIGHT, LEFT)


def test_a_cycle_leaves_a_wall():
    state = ride(start(size=5), (UP, DOWN), (UP, DOWN))
    assert state.render() == ". A . . .\n. a . . .\n. a . b .\n. . . b .\n. . . B ."
    assert state.view(1)["board"][0] == [0, 1, 0, 0, 0]


def test_the_border_and_walls_crash():
    assert ride(start(size=5), (UP, UP), (UP, UP), (UP, LEFT)).scores() == (-1.0, 1.0)
    assert ride(start(size=5), (UP, UP), (UP, LEFT), (LEFT, DOWN)).to_move() == (0, 1)
    own = ride(start(), (UP, UP), (RIGHT, UP), (DOWN, UP), (LEFT, LEFT))
    assert own.scores() == (-1.0, 1.0)
    assert own.to_move() == ()


def test_heads_that_meet_in_a_cell_both_crash_and_leave_it_empty():
    state = ride(start(size=5), (RIGHT, LEFT))
    assert state.scores() == (0.0, 0.0)
    assert state.to_move() == ()
    assert state.view(0)["board"][2] == [0, 1, 0, 2, 0]


def test_heads_that_change_places_both_crash():
    state = ride(start(4, size=6), (RIGHT, DOWN, DOWN, LEFT))
    assert state.view(0)["heads"] == [[2, 2], [2, 3], [4, 4], [4, 1]]
    state = ride(state, (RIGHT, LEFT, LEFT, UP))
    assert state.view(0)["alive"] == [0, 0, 1, 1]
    assert state.scores() == pytest.approx((-2 / 3, -2 / 3, 2 / 3, 2 / 3))


def test_who_rides_longer_is_ahead_and_ties_are_equal():
    state = ride(start(3), (UP, LEFT, UP), (LEFT, LEFT, UP))
    assert state.scores() == (0.0, 0.0, 0.0)
    state = ride(state, (LEFT, LEFT, UP))
    assert state.to_move() == (1, 2)
    assert state.scores() == (-1.0, 0.5, 0.5)
    assert state.render().splitlines()[5][0] == "*"


def test_scores_of_four_count_who_was_outlived():
    state = start(4, size=5)
    state.crashes[:] = [3, 1, 3, -1]
    state.alive, state.turn = (3,), 4
    assert state.scores() == (0.0, -1.0, 0.0, 1.0)


def test_a_team_wins_when_the_other_has_crashed_as_a_whole():
    state = start(4, teams=True)
    state.forfeit(1)
    assert state.to_move() == (0, 2, 3)
    assert state.scores() == (0.0, 0.0, 0.0, 0.0)
    state.forfeit(0)
    assert state.to_move() == (2, 3)
    state.forfeit(3)
    assert state.to_move() == ()
    assert state.scores() == (1.0, -1.0, 1.0, -1.0)


def test_teams_are_opposite_seats_and_need_four():
    game = load_game("tron(teams=True)")
    assert game.teams(4) == [[0, 2], [1, 3]]
    assert (game.spec.min_seats, game.spec.default_seats, game.spec.max_seats) == (4, 4, 4)
    with pytest.raises(GameError, match="4 seats"):
        game.teams(2)
    assert load_game("tron").teams(3) == [[0], [1], [2]]


def test_play_goes_on_without_a_seat_that_faults():
    match = Match(MatchSpec(0, 0, 0, 1, (0, 1, 2)), load_game("tron"))
    match.fault(1, Fault(FaultKind.CRASH))
    for request in match.requests():
        match.answer(request.seat, UP)
    assert not match.over
    assert [request.seat for request in match.requests()] == [0, 2]
    for seat in (0, 2):
        match.answer(seat, LEFT if seat == 0 else RIGHT)
    for seat in (0, 2):
        match.answer(seat, LEFT if seat == 0 else UP)
    assert match.result.scores == (0.0, -1.0, 1.0)
    assert match.result.places == (2, 3, 1)


def test_the_last_one_riding_outlives_a_forfeit_of_the_same_turn():
    state = start(2).forfeit(0)
    assert state.to_move() == ()
    assert state.scores() == (-1.0, 1.0)


@pytest.mark.parametrize("size", [4, 65])
def test_sizes_out_of_range_are_refused(size):
    with pytest.raises(ConfigError, match="size"):
        load_game("tron", size=size)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 4), st.integers(5, 9), st.integers(0, 2**32), st.booleans())
def test_a_plain_account_of_the_rules_agrees(seats, size, seed, teams):
    seats = 4 if teams else seats
    rng = random.Random(seed)
    state = start(seats, size=size, teams=teams)
    view = state.view(0)
    heads = {seat: tuple(cell) for seat, cell in enumerate(view["heads"])}
    walls, died, turn = set(heads.values()), {}, 0
    sides = [{0, 2}, {1, 3}] if teams else [{seat} for seat in range(seats)]
    while state.to_move():
        assert set(state.to_move()) == set(heads)
        actions = {seat: rng.choice(state.legal(seat)) for seat in state.to_move()}
        state = state.apply(actions, None)
        steps = [(-1, 0), (0, 1), (1, 0), (0, -1)]
        entered = {seat: tuple(map(sum, zip(heads[seat], steps[actions[seat]], strict=True))) for seat in heads}
        cells = list(entered.values())
        dead = {s for s, c in entered.items() if c in walls or not set(c) <= set(range(size)) or cells.count(c) > 1}
        walls |= {cell for seat, cell in entered.items() if seat not in dead}
        died |= dict.fromkeys(dead, turn)
        heads = {seat: cell for seat, cell in entered.items() if seat not in dead}
        turn += 1
        board = state.view(0)["board"]
        assert {(r, c) for r in range(size) for c in range(size) if board[r][c]} == walls
    assert sum(bool(side & set(heads)) for side in sides) < 2
    lived = [died.get(seat, turn) for seat in range(seats)]
    if teams:
        lived = [max(lived[seat % 2], lived[seat % 2 + 2]) for seat in range(4)]
    beaten = [sum(mine > other for other in lived) - sum(mine < other for other in lived) for mine in lived]
    assert state.scores() == pytest.approx([number / (2 if teams else seats - 1) for number in beaten])


def test_the_drawing_has_a_shape_for_each_wall():
    root = ET.fromstring(ride(start(size=5), (UP, DOWN)).svg())
    kinds = [element.tag.rpartition("}")[2] for element in root]
    assert (kinds.count("rect"), kinds.count("circle")) == (5, 2)
