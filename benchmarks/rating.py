"""Stored results to ratings: a rater with its fetch against a plain Elo loop with the same fetch, in seconds."""

from __future__ import annotations

import math
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Row, seconds

from evalengine import MatchSpec, Rated
from evalengine.builtin.bradley_terry import BradleyTerry
from evalengine.builtin.trueskill import TrueSkill
from evalengine.model import Played
from evalengine.store import Store
from evalengine.wire import pack

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

CHUNK, AGENTS = 10_000, 100


def fill(store: Store, matches: int) -> None:
    """Store so many matches in whole rotations of a round robin."""
    rng = random.Random(1)
    truth = [rng.gauss(0, 1) for _ in range(AGENTS)]
    pairs = [(one, other) for one in range(AGENTS) for other in range(one)]
    for begin in range(0, matches, CHUNK):
        specs, rows = [], []
        for number in range(begin, min(matches, begin + CHUNK)):
            rotation, cell = divmod(number // 2, len(pairs))
            pair = pairs[cell][:: 1 if number % 2 else -1]
            won = rng.random() < 1 / (1 + math.exp(truth[pair[1]] - truth[pair[0]]))
            scores, places = ((1.0, -1.0), (1, 2)) if won else ((-1.0, 1.0), (2, 1))
            specs.append(MatchSpec(number, 0, rotation, 1, pair))
            rows.append(Played(number, scores, places, "rules", 1, b"", pack([]), 0.0, 0.0, None, ()))
        with store.transaction():
            store.write(1, specs, rows, [None] * len(rows), 0)


def fetched(store: Store):
    """Yield stored results in chunks, in match_no order."""
    next_no = 0
    while chunk := store.stored(1, next_no, CHUNK):
        yield chunk
        next_no = chunk[-1][0] + 1


def elo_loop(store: Store) -> float:
    def work() -> None:
        ratings = [1500.0] * AGENTS
        for chunk in fetched(store):
            for _, _, _, (a, b), _, (one, other), _, _ in chunk:
                score = 1.0 if one < other else 0.0 if one > other else 0.5
                change = 32 * (score - 1 / (1 + 10 ** ((ratings[b] - ratings[a]) / 400)))
                ratings[a] += change
                ratings[b] -= change

    return seconds(work)


def rated(store: Store, make) -> float:
    def work() -> None:
        rater = make()
        for chunk in fetched(store):
            rater.update(
                [Rated(agents, places, scores, rot, game) for _, game, _, agents, scores, places, _, rot in chunk]
            )
        rater.table(range(AGENTS))

    return seconds(work)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    matches = 1_000_000 if options.long else 200_000
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "arena.db") as store:
        fill(store, matches)
        for make in (BradleyTerry, TrueSkill):
            yield Row(
                what=f"{matches} stored results rated, {AGENTS} agents: {make.info.name} / Elo loop",
                ours=lambda make=make: rated(store, make),
                theirs=lambda: elo_loop(store),
                goal="<= 3",
            )
