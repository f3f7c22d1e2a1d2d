"""Counting what published counts say."""

from __future__ import annotations

import pytest

from evalengine import load_game

# The number of arrangements of stones in which every chain has a liberty: OEIS A094777; Tromp and Farnebäck,
# "Combinatorics of Go" (2006, 2016).
LEGAL_POSITIONS = {2: 57, 3: 12675}


def arrangements(game, state, point, stones):
    """Yield whether each way of going on from `point` can be put on the board, stone by stone, nothing being taken."""
    if point == game.config["size"] ** 2:
        yield True
        return
    yield from arrangements(game, state, point + 1, stones)
    for colour in (0, 1):
        next_one = state.clone()
        if next_one.to_move() != (colour,):
            next_one = next_one.apply({1 - colour: game.config["size"] ** 2}, None)
        if point in next_one.legal(colour):
            next_one = next_one.apply({colour: point}, None)
            if sum(map(bool, next_one.cells())) == stones + 1:
                yield from arrangements(game, next_one, point + 1, stones + 1)


@pytest.mark.parametrize("size", LEGAL_POSITIONS)
def test_as_many_positions_are_legal_as_were_counted(size):
    game = load_game("go", size=size)
    assert sum(arrangements(game, game.initial(2, None), 0, 0)) == LEGAL_POSITIONS[size]
