"""Store.write alone against bare executemany into the same schema."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from measuring import Row, new_db, rate

from evalengine import wire
from evalengine.model import MatchSpec, Played
from evalengine.store import Store

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

MATCHES, BATCH = 100_000, 500
RUN = 1


def rows(_options: argparse.Namespace) -> Iterator[Row]:
    yield Row(what="Store.write alone / executemany", ours=ours, theirs=theirs, goal="0.6, aim > 0.8")


def results() -> tuple[list[MatchSpec], list[Played]]:
    luck = random.Random(1)
    specs = [MatchSpec(number, 0, number // 2, luck.getrandbits(63), (0, 1), 2) for number in range(MATCHES)]
    turns = wire.pack([4, 0, 8, 2, 6, 3, 5])
    played = [
        Played(spec.match_no, (1.0, -1.0), (1, 2), "rules", 7, turns, turns, 1.7e9 + spec.match_no, 2e-5)
        for spec in specs
    ]
    return specs, played


def ours() -> float:
    specs, played = results()
    keys = [bytes(24)] * BATCH

    def write() -> None:
        for begin in range(0, MATCHES, BATCH):
            batch = slice(begin, begin + BATCH)
            with store.transaction():
                store.write(RUN, specs[batch], played[batch], keys, 0)

    with new_db() as path, Store(path) as store:
        return rate(write, MATCHES)


def theirs() -> float:
    specs, played = results()
    base = RUN << 40
    matches = []
    for spec, row in zip(specs, played, strict=True):
        fixed = (base | spec.match_no, 0, spec.rotation, spec.opening, spec.seed, bytes(24), None, 0)
        seats = "[[0,1.0,1],[1,-1.0,2]]"
        matches.append((*fixed, "rules", 7, seats, row.actions, row.think_us, None, row.started, row.seconds, 0))

    def write() -> None:
        for begin in range(0, MATCHES, BATCH):
            db.execute("begin immediate")
            db.executemany(f"insert into match values ({marks(matches)})", matches[begin : begin + BATCH])
            db.execute("commit")

    with new_db() as path:
        Store(path).close()  # makes the schema
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("pragma synchronous = normal")
            db.execute("pragma cache_size = -16384")
            return rate(write, MATCHES)


def marks(table: list[tuple[object, ...]]) -> str:
    return ", ".join("?" * len(table[0]))
