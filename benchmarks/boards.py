"""A run's boards: batches rated and stored, in ms; and whole stored results rated, against a plain Elo loop."""

from __future__ import annotations

import statistics
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Row, seconds
from rating import AGENTS, elo_loop, fill

from evalengine import GameSpec
from evalengine.boards import Boards, RatedGame, make_boards, pair_counts
from evalengine.builtin.bradley_terry import BradleyTerry
from evalengine.builtin.trueskill import TrueSkill
from evalengine.store import Store

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

BATCH = 500
RATERS = {"bt": BradleyTerry, "trueskill": TrueSkill}
SPEC = GameSpec(name="duel", version="1", doc="", factory="", max_turns=1)
GAMES = [RatedGame(ref="duel", spec=SPEC, sides=((0,), (1,)), agents=tuple(range(AGENTS)))]


def boards_of(store: Store) -> Boards:
    made = make_boards(GAMES, None, lambda name, **options: RATERS[name](**options))
    return Boards(store, 1, GAMES, [f"agent-{number}" for number in range(AGENTS)], made)


def batches(store: Store, quantile: float) -> float:
    """Return what a batch costs as a run does it but for the results themselves: pairs, ratings, saves; ms of CPU."""
    took = []
    boards, next_no = boards_of(store), 0
    while results := store.stored(1, next_no, BATCH):
        began = time.process_time()  # another process may hold the core in between
        with store.transaction():
            store.add_pairs((1, *key, *count) for key, count in pair_counts(GAMES, results).items())
            next_no = boards.take(results, None, next_no)
            boards.save()
        took.append(1000 * (time.process_time() - began))
    return statistics.quantiles(took, n=100)[round(100 * quantile) - 1]


def rated(store: Store) -> float:
    """Return the seconds from the file to the final table and what is saved of it."""

    def work() -> None:
        boards = boards_of(store)
        boards.load()
        boards.take((), None, 0)
        boards.standings(boards.boards[0])

    return seconds(work)


def peak_mib(store: Store) -> float:
    """Return the peak memory of rating as a run does, batch by batch."""
    tracemalloc.start()
    batches(store, 0.5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / (1 << 20)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    sizes = (100_000, 1_000_000 if options.long else 300_000)
    with tempfile.TemporaryDirectory() as folder:
        small, large = (Store(Path(folder) / f"{size}.db") for size in sizes)
        with small, large:
            for store, size in zip((small, large), sizes, strict=True):
                fill(store, size)
            for name, quantile in (("median", 0.5), ("p95", 0.95)):
                yield Row(
                    what=f"a batch of {BATCH} among {AGENTS} agents rated and stored, {name}",
                    ours=lambda quantile=quantile: batches(small, quantile),
                    goal="<= 5 p95" if name == "p95" else "",
                    unit="ms",
                )
            yield Row(
                what=f"{sizes[1]} stored results to a run's board (bt, TrueSkill, tallies) / Elo loop",
                ours=lambda: rated(large),
                theirs=lambda: elo_loop(large),
                goal="<= 3",
            )
            yield Row(
                what=f"its peak memory, {sizes[1]} results / {sizes[0]}",
                ours=lambda: peak_mib(large),
                theirs=lambda: peak_mib(small),
                goal="1.05",
            )
