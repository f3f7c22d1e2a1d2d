"""Our pipeline against OpenSpiel's Python loop in two processes, both with random agents and nothing else."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from measuring import Row, in_processes, rate
from pipeline import stored

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

try:
    import pyspiel
except ImportError:
    pyspiel = None


def rows(options: argparse.Namespace) -> Iterator[Row]:
    if pyspiel is None:
        print("against_openspiel: open_spiel is not installed, left out")
        return
    n = options.n
    yield Row(
        what=f"tictactoe, n={n}, no opening / OpenSpiel's Python loop",
        ours=lambda: stored(n, "none"),
        theirs=lambda: rate(lambda: in_processes(lambda number: loop(n // 2, number)), n),
    )


def loop(n: int, seed: int) -> None:
    choice, game = random.Random(seed).choice, pyspiel.load_game("tic_tac_toe")
    for _ in range(n):
        state = game.new_initial_state()
        while not state.is_terminal():
            state.apply_action(choice(state.legal_actions()))
        state.returns()
