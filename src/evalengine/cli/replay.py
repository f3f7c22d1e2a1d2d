"""`evalengine replay`: show the positions of a match, turn by turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from evalengine.cli import settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalengine.match import Match
    from evalengine.replays import StoredMatch


@click.command("replay", cls=settings.Command)
@click.argument("match", metavar="MATCH")
@click.option("--turn", type=click.IntRange(min=0), metavar="K", help="Only the position before turn K.")
@settings.format_option("text", "json")
@settings.database_options
@settings.plugin_options
def command(match: str, turn: int | None, form: str, db: str, wanted: Sequence[str]) -> None:
    """Show the positions of a match, played again from its seed and its actions.

    MATCH: GAME::A-vs-B[NUMBER] or NUMBER, in the latest run unless RUN/ stands before it.
    """
    import json

    from evalengine.cli import stored, text
    from evalengine.errors import UsageError

    with settings.open_store(db) as store:
        found = stored.read(match, store, settings.load_plugins(wanted))
    if turn is not None and turn > len(found.turns):
        msg = f"{found.name} has {len(found.turns)} turns: --turn must be at most that, not {turn}"
        raise UsageError(msg)
    frames = _frames(found, turn)
    if form == "json":
        text.out(json.dumps({"match": found.name, "frames": list(frames)}, indent=2, default=str))
        return
    for frame in frames:
        text.out(_text(frame))


def _frames(found: StoredMatch, only: int | None) -> Iterator[dict[str, Any]]:
    for number, match in enumerate(found.replayed()):
        if only in (None, number):
            yield _frame(found, number, match)
        if number == only:
            return


def _frame(found: StoredMatch, turn: int, match: Match) -> dict[str, Any]:
    """Return the position before `turn`, and what was done then."""
    done = found.turns[turn] if turn < len(found.turns) else {}
    mover = next(iter(match.state.to_move()), 0)
    return {
        "turn": turn,
        "position": match.state.render(),
        "opening": turn < found.spec.opening,
        "actions": [_act(found, mover if seat is None else seat, action) for seat, action in done.items()],
        "scores": list(match.result.scores) if match.result is not None else None,
    }


def _act(found: StoredMatch, seat: int, action: Any) -> dict[str, Any]:
    from evalengine.model import Fault

    if isinstance(action, Fault):
        return {
            "seat": seat,
            "agent": found.agents[seat],
            "action": None,
            "text": f"{action.kind.upper()}: {action.detail}",
        }
    return {"seat": seat, "agent": found.agents[seat], "action": action, "text": found.game.action_to_str(action)}


def _text(frame: Mapping[str, Any]) -> str:
    done = [
        f"{'opening' if frame['opening'] else act['agent']} (seat {act['seat']}): {act['text']}"
        for act in frame["actions"]
    ]
    end = [f"over, scores: {', '.join(f'{score:g}' for score in frame['scores'])}"] if frame["scores"] else []
    return "\n".join([f"--- turn {frame['turn']}", frame["position"], *done, *end, ""])
