"""The whole pipeline, every match stored, against bare loops in two processes."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import raw_tictactoe
from measuring import Row, in_processes, new_db, rate

import evalengine
from evalengine_games.tictactoe import TicTacToe

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

AGENTS = ("random", "r2=random")


def rows(options: argparse.Namespace) -> Iterator[Row]:
    n = options.n
    raw, state = (lambda: bare(raw_tictactoe.play, n)), (lambda: bare(own_state, n))
    goal = "0.35, aim > 0.60"
    yield Row(what=f"tictactoe, n={n}, as it comes / raw loop", ours=lambda: stored(n), theirs=raw, goal=goal)
    # The raw loop plays no opening, so that this row compares like with like.
    yield Row(what=f"tictactoe, n={n}, no opening / raw loop", ours=lambda: stored(n, "none"), theirs=raw, goal=goal)
    yield Row(
        what=f"tictactoe, n={n}, no opening / loop over our State",
        ours=lambda: stored(n, "none"),
        theirs=state,
        goal="aim > 0.33",
    )


def stored(n: int, opening: str = "") -> float:
    """Return matches/s of `evalengine.run`, from the call to its return."""
    with new_db() as db:
        return rate(lambda: check(evalengine.run("tictactoe", AGENTS, n=n, seed=1, db=db, opening=opening), n), n)


def check(run: evalengine.Run, n: int) -> None:
    if run.played != n or run.voids or run.faults:
        msg = f"{run.played} of {n} matches played, {run.voids} voids, faults {dict(run.faults)}"
        raise RuntimeError(msg)


def bare(play, n: int) -> float:
    return rate(lambda: in_processes(lambda _: play(n // 2)), n)


def own_state(n: int) -> None:
    choice, game = random.Random(1).choice, TicTacToe()
    for _ in range(n):
        state = game.initial(2, None)
        while movers := state.to_move():
            seat = movers[0]
            state = state.apply({seat: choice(state.legal(seat))}, None)
