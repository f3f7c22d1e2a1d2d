"""OpenSpiel's go plays along, where the rules agree.

It forbids simple ko and suicide as we do, but lets other repetitions happen and ends the match then; it counts points
from the bottom left.
"""

from __future__ import annotations

import random

import pytest

from evalengine import load_game

pyspiel = pytest.importorskip("pyspiel")

MATCHES = {2: 200, 3: 100, 5: 40, 9: 20, 13: 5, 19: 3}


def theirs_of(size, action):
    """Return OpenSpiel's number of an action of ours."""
    if action == size * size:
        return action
    row, column = divmod(action, size)
    return (size - 1 - row) * size + column


def their_stones(state, size):
    rows = [line.split()[1] for line in str(state).splitlines() if line.strip()[:1].isdigit()]
    return [".XO"["+XO".index(mark)] for mark in "".join(rows)]


def repeats(state, action):
    after = state.child(action)
    return after.is_terminal() and action != after.get_game().num_distinct_actions() - 1


@pytest.mark.parametrize("size", MATCHES)
def test_random_matches_go_the_same_way(size):
    ours, theirs = load_game("go", size=size), pyspiel.load_game(f"go(board_size={size},komi=7.5,max_game_length=2000)")
    taken = repeated = 0
    for seed in range(MATCHES[size]):
        rng = random.Random(seed)
        state, other = ours.initial(2, None), theirs.new_initial_state()
        for _ in range(ours.spec.max_turns):
            (seat,) = state.to_move()
            assert seat == other.current_player()
            legal = state.legal(seat)
            assert (
                ours.action_to_str(legal[0]).lower()
                == other.action_to_string(theirs_of(size, legal[0])).split()[1].lower()
            )
            barred = set(other.legal_actions()) - {theirs_of(size, action) for action in legal}
            assert {theirs_of(size, action) for action in legal} <= set(other.legal_actions())
            assert all(repeats(other, action) for action in barred)
            repeated += len(barred)
            action = rng.choice(legal[:-1] if len(legal) > 1 and rng.random() < 0.95 else legal)
            state = state.apply({seat: action}, None)
            other.apply_action(theirs_of(size, action))
            assert [".XO"[cell] for cell in state.cells()] == their_stones(other, size)
            assert other.is_terminal() == (not state.to_move())
            if other.is_terminal():
                assert state.scores() == tuple(other.returns())
                break
        taken += sum(state.view(0)["captures"])
    assert taken
    assert repeated or size > 5
