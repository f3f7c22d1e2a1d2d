"""Random play of the plugin evalengine-go against OpenSpiel's go, both in a bare loop: plies a second."""

from __future__ import annotations

import functools
import random
import time
from typing import TYPE_CHECKING

from measuring import Row

from evalengine import EvalengineError, load_game

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

try:
    import pyspiel
except ImportError:
    pyspiel = None

SECONDS = 3.0


def rows(_options: argparse.Namespace) -> Iterator[Row]:
    try:
        load_game("go")
    except EvalengineError:
        print("go: plugins/evalengine-go is not installed, left out")
        return
    if pyspiel is None:
        print("go: open_spiel is not installed, left out")
        return
    for size in (9, 13, 19):
        yield Row(
            what=f"go {size}x{size}, random plies a second / OpenSpiel's Python loop",
            ours=functools.partial(plies_a_second, functools.partial(our_match, load_game("go", size=size))),
            theirs=functools.partial(
                plies_a_second, functools.partial(their_match, pyspiel.load_game(f"go(board_size={size},komi=7.5)"))
            ),
        )


def plies_a_second(match) -> float:
    choice = random.Random(0).choice
    plies, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < SECONDS:
        plies += match(choice)
    return plies / took


def our_match(game, choice) -> int:
    state, turn = game.initial(2, None), 0
    while turn < game.spec.max_turns and (movers := state.to_move()):
        seat = movers[0]
        state = state.apply({seat: choice(state.legal(seat))}, None)
        turn += 1
    state.scores()
    return turn


def their_match(game, choice) -> int:
    state = game.new_initial_state()
    while not state.is_terminal():
        state.apply_action(choice(state.legal_actions()))
    state.returns()
    return state.move_number()
