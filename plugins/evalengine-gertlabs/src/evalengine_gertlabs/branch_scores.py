"""What branches say of decisions: how sessions that continue one from a turn ended, by what was done there first."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from evalengine.live.values import COMPLETED
from evalengine.model import Fault
from evalengine_gertlabs.observations import player_id, written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.live.values import Listed
    from evalengine_gertlabs.api import Api


async def points(
    api: Api, parent: Listed, children: Sequence[Listed], tick: int | None, player: str | None
) -> list[dict[str, Any]]:
    """Return a decision point for each turn and player, with the actions that branches began with, the best first.

    Branches that have not ended do not count. An action that is done in a branch as in the parent is `adopted`.
    """
    own = {(one.turn, one.seat): one.what for one in await api.live.turns(parent.id)}
    samples: dict[tuple[int, int], dict[str, list[tuple[float, int, Any]]]] = {}
    for child in children:
        scores, turn = child.position.scores, child.turn
        if child.position.state != COMPLETED or scores is None or turn is None or tick not in {None, turn}:
            continue
        for one in await api.live.turns(child.id):
            if one.turn == turn and player in {None, player_id(one.seat)} and not isinstance(one.what, Fault):
                actions = samples.setdefault((turn, one.seat), {})
                found = scores[one.seat], child.position.turn, one.what
                actions.setdefault(written(one.what), []).append(found)
    return [
        {
            "decision_index": index,
            "tick": turn,
            "player_id": player_id(seat),
            "actions": _ranked(samples[turn, seat], own.get((turn, seat))),
        }
        for index, (turn, seat) in enumerate(sorted(samples))
    ]


def _ranked(actions: dict[str, list[tuple[float, int, Any]]], adopted: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for found in actions.values():
        scores = [score for score, _, _ in found]
        value = {
            "mean": statistics.fmean(scores),
            "std_dev": statistics.stdev(scores) if len(scores) > 1 else 0.0,
            "min": min(scores),
            "max": max(scores),
        }
        rows.append(
            {
                "action": found[0][2],
                "value": value,
                "sample_scores": scores,
                "sample_turns": [turns for _, turns, _ in found],
                "adopted": found[0][2] == adopted,
            }
        )
    rows.sort(key=lambda row: -row["value"]["mean"])
    return [{"action_rank": rank, **row} for rank, row in enumerate(rows, 1)]
