"""What holds in every match: the slow reference agrees, clones are independent, replays are the same."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reference import Reference, area, connected

from evalengine import Match, load_game

SUPERKO = ("positional", "situational")
SIZES = st.integers(2, 6)
SEEDS = st.integers(0, 2**32)


def check_board(state, reference):
    """Compare what the state keeps up with what is computed anew from its stones."""
    size, board = reference.size, reference.board
    assert [".XO"[cell] for cell in state.cells()] == list(board)
    for point, cell in enumerate(board):
        members, liberties = state.chain(point)
        if cell == ".":
            assert not members
            assert not liberties
        else:
            inside, beside = connected(size, board, point)
            assert sorted(members) == sorted(inside)
            assert sorted(liberties) == sorted(other for other in beside if board[other] == ".")
    assert state.area() == area(size, board)
    assert state.view(0)["captures"] == [reference.captures["X"], reference.captures["O"]]


@pytest.mark.parametrize("superko", SUPERKO)
@given(st.integers(2, 5), SEEDS)
@example(2, 0)
@example(3, 1)
def test_the_reference_agrees_at_every_turn(superko, size, seed):
    game, rng = load_game("go", size=size, superko=superko), random.Random(seed)
    state, reference = game.initial(2, None), Reference(size, superko)
    for turn in range(4 * size * size):
        if not state.to_move():
            break
        assert state.to_move() == (turn % 2,)
        legal = state.legal(turn % 2)
        expected, barred = reference.options()
        assert list(legal) == expected
        assert state.view(turn % 2)["ko"] == [game.action_to_str(point) for point in barred]
        # Passing seldom, so that boards fill up and stones are taken again and again.
        action = rng.choice(legal[:-1] if len(legal) > 1 and rng.random() < 0.95 else legal)
        state = state.apply({turn % 2: action}, None)
        reference.play(action)
        check_board(state, reference)


def play_at_random(state, rng, turns):
    for _ in range(turns):
        if not (movers := state.to_move()):
            break
        legal = state.legal(movers[0])
        state = state.apply({movers[0]: rng.choice(legal[:-1] or legal)}, None)
    return state


def seen(state):
    return state.to_move(), state.legal(0), state.view(0), state.view(1), state.render(), state.svg(), state.scores()


@given(SIZES, SEEDS, st.integers(0, 60))
def test_a_clone_is_independent(size, seed, turns):
    rng = random.Random(seed)
    state = play_at_random(load_game("go", size=size).initial(2, None), rng, turns)
    before = seen(state)
    clone = state.clone()
    assert seen(clone) == before
    first = play_at_random(clone, random.Random(seed), 40)
    assert seen(state) == before
    # The clone's match left no trace in what may not come again: the original goes the same way.
    assert seen(play_at_random(state, random.Random(seed), 40)) == seen(first)


@given(SIZES, SEEDS, st.sampled_from(SUPERKO))
def test_a_replay_is_the_same(size, seed, superko):
    game, rng = load_game("go", size=size, superko=superko), random.Random(seed)
    state, actions = game.initial(2, None), []
    while state.to_move() and len(actions) < game.spec.max_turns:
        seat = state.to_move()[0]
        actions.append(rng.choice(state.legal(seat)))
        state = state.apply({seat: actions[-1]}, None)
    again = game.initial(2, None)
    for turn, action in enumerate(actions):
        again = again.apply({turn % 2: action}, None)
    assert seen(again) == seen(state)


@given(SIZES, SEEDS, st.integers(0, 60))
def test_equal_stones_have_equal_hashes_and_others_have_not(size, seed, turns):
    """The hash is kept up from stone to stone; set up by another way it must come out the same."""
    state = play_at_random(load_game("go", size=size).initial(2, None), random.Random(seed), turns)
    board, cells = state._tables, state.cells()
    anew = 0
    for point, cell in enumerate(cells):
        if cell:
            anew ^= board.keys[cell - 1][point]
    assert state._hash == anew
    assert len({key for keys in board.keys for key in keys} | {0, board.turn_key}) == 2 * size * size + 2


@given(st.integers(2, 19), SEEDS)
def test_legal_actions_are_those_that_are_not_refused(size, seed):
    state = play_at_random(load_game("go", size=size).initial(2, None), random.Random(seed), 2 * size * size)
    if not state.to_move():
        return
    seat = state.to_move()[0]
    allowed = [action for action in range(size * size + 1) if state.refuse(seat, action) is None]
    assert allowed == list(state.legal(seat))
    for odd in (True, 0.0, "0", None, -1, size * size + 1, [0]):
        assert "an action is an int" in state.refuse(seat, odd)


def test_the_kernel_replays_a_match(begin):
    board = begin(size=5).play("C3 C2 B3 B2 D3 pass A1 pass pass")
    again = Match.resume(board.match.spec, board.game, board.match.turns)
    assert again.result == board.match.result
    assert again.state.view(0) == board.state.view(0)
