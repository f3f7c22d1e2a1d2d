"""What a job's exploration says of each decision: its actions, the best first, with what came of them."""

from __future__ import annotations

import itertools
import json
import statistics
from typing import TYPE_CHECKING, Any

from evalengine.store import Store
from evalengine_gertlabs.selecting import explored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from evalengine.web.rows import Rows

MOST = 1_000  # decisions that are told; the export has them all


def points(rows: Rows, db: Path, ticket: str) -> list[dict[str, Any]]:
    """Return the first decisions of a job's explorations."""
    sql = """select gert_run.run, gert_run.game from gert_run join run on run.id = gert_run.run
        where gert_run.work = ? and run.kind = 'explore' order by gert_run.run"""
    with Store(db) as store:
        found = (_points(explored(row["run"], row["game"], store)) for row in rows.read(sql, ticket))
        listed = itertools.islice(itertools.chain.from_iterable(found), MOST)
        return [{"decision_index": index, **point} for index, point in enumerate(listed)]


def _points(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for _, group in itertools.groupby(rows, lambda row: (row["parent_session_id"], row["tick"], row["player_id"])):
        listed = list(group)
        told = {name: listed[0][name] for name in ("game", "parent_session_id", "tick", "player_id")}
        yield {**told, "actions": _ranked(listed)}


def _ranked(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    actions = []
    for action, group in itertools.groupby(rows, lambda row: row["action"]):
        listed = list(group)
        scores = [row["score"] for row in listed]
        value = {
            "mean": statistics.fmean(scores),
            "std_dev": statistics.stdev(scores) if len(scores) > 1 else 0.0,
            "min": min(scores),
            "max": max(scores),
        }
        told = {"action": json.loads(action), "value": value, "sample_scores": scores, "adopted": listed[0]["adopted"]}
        actions.append(told)
    actions.sort(key=lambda action: -action["value"]["mean"])
    return [{"action_rank": rank, **action} for rank, action in enumerate(actions, 1)]
