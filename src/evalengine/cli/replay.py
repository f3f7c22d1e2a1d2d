"""`evalengine replay`: show the positions of a match, turn by turn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from evalengine.cli import settings, stored
from evalengine.errors import GameError, StoreError
from evalengine.match import Match
from evalengine.model import Fault
from evalengine.seats import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from evalengine.cli.stored import StoredMatch


@click.command("replay")
@click.argument("match", metavar="MATCH")
@click.option("--turn", type=click.IntRange(min=0), metavar="K", help="Only the position before turn K.")
@settings.format_option("text", "json")
@settings.database_options
@settings.plugin_options
def command(match: str, turn: int | None, form: str, db: Path, wanted: Sequence[str]) -> None:
    """Show the positions of a match, played again from its seed and its actions.

    MATCH: GAME::A-vs-B[NUMBER] or NUMBER, in the latest run unless RUN/ stands before it.
    """
    with settings.open_store(db) as store:
        found = stored.read(match, store, settings.load_plugins(wanted))
    if turn is not None and turn > len(found.turns):
        msg = f"{found.name} has {len(found.turns)} turns: --turn must be at most that, not {turn}"
        raise StoreError(msg)
    frames = _frames(found) if turn is None else [_frame(found, turn)]
    if form == "json":
        click.echo(json.dumps({"match": found.name, "frames": list(frames)}, indent=2, default=str))
        return
    for frame in frames:
        click.echo(_text(frame))


def _frames(found: StoredMatch) -> Iterator[dict[str, Any]]:
    for turn in range(len(found.turns) + 1):
        yield _frame(found, turn)


def _frame(found: StoredMatch, turn: int) -> dict[str, Any]:
    """Return the position before `turn`, and what was done then."""
    game = found.entry.games[found.spec.game_no].game
    try:
        match = Match.resume(found.spec, game, found.turns[:turn])
    except GameError as error:
        msg = f"{found.name} does not replay: {error}"
        raise StoreError(msg) from error
    done = found.turns[turn] if turn < len(found.turns) else {}
    movers = list(match.state.to_move())
    names = found.agents
    return {
        "turn": turn,
        "position": printable(match.state.render()),
        "opening": turn < found.spec.opening,
        "actions": [
            {
                "seat": movers[0] if seat is None else seat,
                "agent": names[movers[0] if seat is None else seat],
                "action": None if isinstance(action, Fault) else action,
                "text": _action_text(game, action),
            }
            for seat, action in done.items()
        ],
        "scores": list(match.result.scores) if match.result is not None else None,
    }


def _action_text(game: Any, action: Any) -> str:
    if isinstance(action, Fault):
        return f"{action.kind}: {printable(action.detail)}"
    return printable(game.action_to_str(action))


def _text(frame: dict[str, Any]) -> str:
    head = f"--- turn {frame['turn']}"
    done = [
        f"{'opening' if frame['opening'] else act['agent']} (seat {act['seat']}): {act['text']}"
        for act in frame["actions"]
    ]
    end = [f"over, scores: {', '.join(f'{score:g}' for score in frame['scores'])}"] if frame["scores"] else []
    return "\n".join([head, frame["position"], *done, *end, ""])
