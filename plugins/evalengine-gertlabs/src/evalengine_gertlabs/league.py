"""Ratings of a game's submissions: one fit of all evaluation matches, so that ratings of different days compare."""

from __future__ import annotations

import contextlib
import fcntl
from collections import Counter
from typing import TYPE_CHECKING, Any

import evalengine
from evalengine import database

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from evalengine.web.rows import Rows

ANCHOR, ANCHORED_AT = "random", 1000.0
FORMULA = (
    "elo_rating = 1000 + 400 * log10(odds of winning against the bundled agent 'random'), by Bradley and Terry's model "
    "fitted to all evaluation matches of the game on this server, a draw half a win; a weak prior keeps it finite for "
    "who won or lost all. elo_lo and elo_hi bound its 95% interval."
)
Pair = tuple[str, str]


class Tally:
    """What matches say: results by pair of agents, and of each agent.

    Attributes:
        pairs: [wins, draws, losses] of the first; agents: [wins, draws, losses, sum of scores]; matches with a result.
    """

    def __init__(self, matches: Iterable[Mapping[str, Any]]) -> None:
        """Count records as `Run.matches` yields them; those without a result count nowhere."""
        self.pairs: dict[Pair, list[int]] = {}
        self.agents: dict[str, list[float]] = {}
        for match in matches:
            if match["termination"] != "void":
                self._add(match["agents"], match["places"], match["scores"])

    def _add(self, names: Sequence[str], places: Sequence[int], scores: Sequence[float]) -> None:
        alone = places.count(1) == 1
        for one, name in enumerate(names):
            line = self.agents.setdefault(name, [0, 0, 0, 0.0])
            line[2 if places[one] > 1 else 0 if alone else 1] += 1
            line[3] += scores[one]
            for other in range(one):
                if name != names[other]:
                    self._meet((name, places[one]), (names[other], places[other]))

    def _meet(self, one: tuple[str, int], other: tuple[str, int]) -> None:
        if other[0] < one[0]:
            one, other = other, one
        result = 0 if one[1] < other[1] else 1 if one[1] == other[1] else 2
        self.pairs.setdefault((one[0], other[0]), [0, 0, 0])[result] += 1


@contextlib.contextmanager
def alone(db: Path) -> Iterator[None]:
    """Hold the ratings of a database: of two fits at once the one that knows less could be stored last."""
    lock = database.locked(db.with_name(f"{db.name}-league.lock"), fcntl.LOCK_EX)
    try:
        yield
    finally:
        database.unlock(lock)


def store(connection: sqlite3.Connection, run: int, game: str, pairs: Mapping[Pair, list[int]]) -> None:
    """Store what a run says, once however often it is called."""
    connection.execute("delete from gert_pair where run = ?", (run,))
    rows = [(run, *pair, game, *counts) for pair, counts in pairs.items()]
    connection.executemany("insert into gert_pair values (?, ?, ?, ?, ?, ?, ?)", rows)


def fitted(rows: Rows, game: str, also: Mapping[Pair, list[int]], run: int) -> dict[str, dict[str, Any]]:
    """Return each agent's line, with rating, lo and hi, by name.

    Args:
        also: pairs of `run`, which may be stored already or not.
    """
    sql = """select first, second, sum(wins) w, sum(draws) d, sum(losses) l from gert_pair
        where game = ? and run <> ? group by first, second"""
    pairs: Counter[tuple[str, str, int]] = Counter()
    for row in rows.read(sql, game, run):
        pairs.update(
            {
                (row["first"], row["second"], 0): row["w"],
                (row["first"], row["second"], 1): row["d"],
                (row["first"], row["second"], 2): row["l"],
            }
        )
    for pair, counts in also.items():
        pairs.update({(*pair, result): times for result, times in enumerate(counts)})
    records = list(_records(pairs))
    if not records:
        return {}
    there = any(ANCHOR in pair for pair in pairs)
    found = evalengine.rate(records, rater="bt", **({"anchors": {ANCHOR: ANCHORED_AT}} if there else {}))
    return {line["agent"]: line for line in found}


def _records(pairs: Counter[tuple[str, str, int]]) -> Iterator[dict[str, Any]]:
    ranks = ([1, 2], [1, 1], [2, 1])
    for (first, second, result), times in sorted(pairs.items()):
        if times:
            yield {"teams": [[first], [second]], "ranks": ranks[result], "weights": times}


def save(connection: sqlite3.Connection, lines: Mapping[str, Mapping[str, Any]]) -> None:
    """Store the ratings of all submissions among `lines`."""
    connection.executemany(
        "update gert_submission set elo = ?, elo_lo = ?, elo_hi = ? where id = ?",
        [(line["rating"], line["lo"], line["hi"], name) for name, line in lines.items()],
    )
