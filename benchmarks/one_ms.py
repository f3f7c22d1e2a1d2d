"""A game that costs 1 ms a match, against its raw loop in two processes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from busy_game import SPINS_PER_MS, spin
from measuring import Row, in_processes, new_db, rate
from pipeline import AGENTS, check

import evalengine

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

GAME = str(Path(__file__).with_name("busy_game.py"))
MATCHES = 20_000  # some ten seconds: a tournament, whose start does not count


def rows(_options: argparse.Namespace) -> Iterator[Row]:
    yield Row(what="a game of 1 ms a match / its raw loop", ours=ours, theirs=theirs, goal="0.93, aim > 0.97")


def ours() -> float:
    # Both sides count alike, instead of waiting for a clock.
    with new_db() as db:
        return rate(lambda: check(evalengine.run(GAME, AGENTS, n=MATCHES, seed=1, db=db), MATCHES), MATCHES)


def theirs() -> float:
    def loop(_number: int) -> None:
        for _ in range(MATCHES // 2):
            spin(SPINS_PER_MS)

    return rate(lambda: in_processes(loop), MATCHES)
