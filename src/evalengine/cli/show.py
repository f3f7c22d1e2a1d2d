"""`evalengine show`: one match, who played, how it ended, faults, logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from evalengine.cli import settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalengine.model import Branch
    from evalengine.replays import StoredMatch
    from evalengine.store import Store

_WIDTH = 80  # of a line of actions


@click.command("show", cls=settings.Command)
@click.argument("match", metavar="MATCH")
@settings.format_option("text", "json")
@settings.database_options
@settings.plugin_options
def command(match: str, form: str, db: str, wanted: Sequence[str]) -> None:
    """Show one match: who played, how it ended, its actions, faults and logs; or what became of one agent.

    MATCH: GAME::A-vs-B[NUMBER] or NUMBER, or an agent's name, in the latest run unless RUN/ stands before it.
    """
    import json

    from evalengine.cli import shown_agent, stored, text

    plugs = settings.load_plugins(wanted)
    with settings.open_store(db) as store:
        agent = shown_agent.record(match, store, plugs)
        record = agent or _record(stored.read(match, store, plugs), store)
    lines = shown_agent.lines(record) if agent else _lines(record)
    text.out(json.dumps(record, indent=2, default=str) if form == "json" else "\n".join(lines))


def _record(found: StoredMatch, store: Store) -> dict[str, Any]:
    import time

    import msgpack

    row = found.row
    decided_no = store.run(found.run)["decided_at"]
    return {
        "match": found.name,
        "run": found.run,
        "game": found.entry.games[found.spec.game_no].ref,
        **{name: row[name] for name in ("seed", "rotation", "opening", "termination", "turns", "seconds")},
        "used": decided_no is None or found.spec.match_no <= decided_no,
        "started": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row["started"])),
        "seats": [
            {"agent": name, **{key: seat[key] for key in ("seat", "place", "score", "fault")}}
            for seat, name in zip(found.seats, found.agents, strict=True)
        ],
        **({} if found.spec.branch is None else {"continues": _continued(found.spec.branch)}),
        "actions": [_turn(found, turn) for turn in found.turns],
        "think_us": msgpack.unpackb(row["think_us"]),
        "infos": msgpack.unpackb(row["info"], strict_map_key=False) if row["info"] else [],
        "faults": found.faults,
        "logs": found.logs,
    }


def _continued(branch: Branch) -> dict[str, Any]:
    told = {"parent": branch.parent, "turn": branch.turn, "luck": "same" if branch.luck_seed is None else "fresh"}
    return told if branch.seat is None else {**told, "seat": branch.seat, "action": branch.action}


def _turn(found: StoredMatch, turn: Mapping[int | None, Any]) -> str:
    from evalengine.model import Fault

    acts = (act.kind.upper() if isinstance(act, Fault) else found.game.action_to_str(act) for act in turn.values())
    return "+".join(acts)


def _lines(record: Mapping[str, Any]) -> Iterator[str]:
    import shlex

    from evalengine.cli.text import one_line

    yield f"{record['match']} of run {record['run']}, seed {record['seed']}"
    random = f" (the first {record['opening']} at random)" if record["opening"] else ""
    yield (
        f"{record['started']}, {record['seconds']:.3f} s, of them {sum(record['think_us']) / 1e6:.3f} s thought; "
        f"{record['turns']} turns{random}, ended by {record['termination']}"
    )
    if "continues" in record:
        told = record["continues"]
        held = f", where seat {told['seat']} is held to {told['action']!r}" if "seat" in told else ""
        yield f"continues {told['parent']} from turn {told['turn']}{held}, {told['luck']} luck"
    if not record["used"]:
        yield "ended after the run had been decided: it is not rated"
    for seat in record["seats"]:
        fault = f"  {seat['fault'].upper()}" if seat["fault"] else ""
        yield f"seat {seat['seat']}: {seat['agent']}  place {seat['place']}, score {seat['score']:g}{fault}"
    yield from _action_lines(record["actions"])
    for fault in record["faults"]:
        seat = "" if fault["seat"] is None else f"seat {fault['seat']}, "
        yield f"--- {fault['kind']} ({seat}turn {fault['turn']}): {one_line(fault['detail'])}"
        if fault["traceback"]:
            yield fault["traceback"].rstrip()
    for log in record["logs"]:
        yield f"--- {log['stream']} of seat {log['seat']}"
        yield log["text"].rstrip()
    whole = f"{record['run']}/{record['match']}"
    yield f"replay: evalengine replay {shlex.quote(whole)}"


def _action_lines(actions: Sequence[str]) -> Iterator[str]:
    """Yield the actions in columns, each line with the turn of its first."""
    if not actions:
        return
    wide = max(map(len, actions[:-1] or actions))  # the last one may be a fault's long name
    each = max(1, (_WIDTH - 6) // (wide + 1))
    each -= each % 10 if each > 10 else 0  # noqa: PLR2004 - turns are easier to find in tens
    yield "actions, with the turn of the first in each line:"
    for first in range(0, len(actions), each):
        yield f"{first:5d} " + " ".join(f"{action:<{wide}}" for action in actions[first : first + each]).rstrip()
