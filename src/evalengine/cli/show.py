"""`evalengine show`: one match, who played, how it ended, faults, logs."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click
import msgpack

from evalengine.cli import settings, stored
from evalengine.model import Fault
from evalengine.seats import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from evalengine.store import Store


@click.command("show")
@click.argument("match", metavar="MATCH")
@settings.format_option("text", "json")
@settings.database_options
@settings.plugin_options
def command(match: str, form: str, db: Path, wanted: Sequence[str]) -> None:
    """Show one match: who played, how it ended, its actions, faults and logs.

    MATCH: GAME::A-vs-B[NUMBER] or NUMBER, in the latest run unless RUN/ stands before it.
    """
    with settings.open_store(db) as store:
        found = stored.read(match, store, settings.load_plugins(wanted))
        record = _record(found, store)
    click.echo(json.dumps(record, indent=2, default=str) if form == "json" else "\n".join(_lines(record)))


def _record(found: stored.StoredMatch, store: Store) -> dict[str, Any]:
    row, number = found.row, found.row["id"]
    faults = store.rows("select turn, seat, kind, detail, traceback from fault where match = ? order by turn", number)
    logs = store.rows("select seat, stream, text from log where match = ? order by seat, stream", number)
    return {
        "match": found.name,
        "run": found.run,
        "game": found.entry.games[found.spec.game_no].ref,
        "seed": row["seed"],
        "rotation": row["rotation"],
        "opening": row["opening"],
        "termination": row["termination"],
        "turns": row["turns"],
        "started": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row["started"])),
        "seconds": row["seconds"],
        "seats": [
            {
                "seat": seat["seat"],
                "agent": name,
                "place": seat["place"],
                "score": seat["score"],
                "fault": seat["fault"],
            }
            for seat, name in zip(found.seats, found.agents, strict=True)
        ],
        "actions": [_turn(found, turn) for turn in found.turns],
        "think_us": msgpack.unpackb(row["think_us"]),
        "infos": msgpack.unpackb(row["info"], strict_map_key=False) if row["info"] else [],
        "faults": faults,
        "logs": logs,
    }


def _turn(found: stored.StoredMatch, turn: dict[int | None, Any]) -> str:
    game = found.entry.games[found.spec.game_no].game
    shown = [act.kind if isinstance(act, Fault) else printable(game.action_to_str(act)) for act in turn.values()]
    return "+".join(shown)


def _lines(record: dict[str, Any]) -> Iterator[str]:
    yield f"{record['match']} of run {record['run']}, seed {record['seed']}"
    yield (
        f"{record['started']}, {record['seconds']:.3f} s, {record['turns']} turns "
        f"({record['opening']} at random), ended by {record['termination']}"
    )
    thought = sum(record["think_us"]) / 1e6
    for seat in record["seats"]:
        fault = f"  {seat['fault'].upper()}" if seat["fault"] else ""
        yield f"seat {seat['seat']}: {seat['agent']}  place {seat['place']}, score {seat['score']:g}{fault}"
    yield f"thought: {thought:.3f} s together"
    yield "actions: " + " ".join(record["actions"])
    for fault in record["faults"]:
        seat = "" if fault["seat"] is None else f"seat {fault['seat']}, "
        yield f"--- {fault['kind']} ({seat}turn {fault['turn']}): {printable(fault['detail'])}"
        if fault["traceback"]:
            yield printable(fault["traceback"]).rstrip()
    for log in record["logs"]:
        yield f"--- {log['stream']} of seat {log['seat']}"
        yield printable(log["text"]).rstrip()
    yield f"replay: evalengine replay '{record['run']}/{record['match']}'"
