"""`evalengine replay`: show the positions of a match, turn by turn, or check that matches replay as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from evalengine.cli import settings
from evalengine.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalengine.match import Match
    from evalengine.plugins import Plugins
    from evalengine.replays import StoredMatch
    from evalengine.verifying import Mismatch

_EXAMPLES = """\b
Examples:
  evalengine replay 17 --turn 6
  evalengine replay 3/17 --svg -o frames
  evalengine replay --verify
  evalengine replay --verify --run 3
"""


@click.command("replay", cls=settings.Command, epilog=_EXAMPLES)
@click.argument("match", required=False, metavar="[MATCH]")
@click.option("--turn", type=click.IntRange(min=0), metavar="K", help="Only the position before turn K.")
@click.option("--svg", is_flag=True, help="Write each position as an SVG file, with its text in it.")
@click.option("-o", "folder", type=click.Path(file_okay=False), metavar="FOLDER", help="Where; default: replay-RUN-N.")
@click.option("--verify", is_flag=True, help="Replay all stored matches, print what differs; exit 1 if anything does.")
@click.option("--run", type=click.IntRange(min=1), metavar="RUN", help="With --verify: the matches of this run.")
@settings.format_option("text", "json")
@settings.database_options
@settings.plugin_options
def command(  # noqa: PLR0917 - an argument an option
    match: str | None, turn: int | None, folder: str | None, run: int | None, form: str, db: str,
    wanted: Sequence[str], *, svg: bool, verify: bool,
) -> int:  # fmt: skip
    """Show the positions of a match, played again from its seed and its actions; or verify all of a database.

    MATCH: GAME::A-vs-B[NUMBER] or NUMBER, in the latest run unless RUN/ stands before it.
    """
    _check(match, turn, folder, run, svg=svg, verify=verify)
    plugs = settings.load_plugins(wanted)
    if verify:
        return _verify(match, run, form, db, plugs)
    from evalengine.cli import stored

    with settings.open_store(db) as store:
        found = stored.read(match or "", store, plugs)
    if turn is not None and turn > len(found.turns):
        msg = f"{found.name} has {len(found.turns)} turns: --turn must be at most that, not {turn}"
        raise UsageError(msg)
    if svg:
        _write(found, turn, folder or f"replay-{found.run}-{found.spec.match_no}")
    else:
        _show(found, turn, form)
    return ExitCode.OK


def _check(
    match: str | None, turn: int | None, folder: str | None, run: int | None, *, svg: bool, verify: bool
) -> None:
    if verify and (svg or turn is not None):
        msg = "--verify replays whole matches and shows none: leave --svg and --turn out"
    elif not verify and match is None:
        msg = "which match? evalengine replay MATCH, or --verify for all"
    elif run is not None and (not verify or match is not None):
        msg = "--run chooses what --verify replays: write RUN/NUMBER for one match"
    elif folder is not None and not svg:
        msg = "-o is where --svg writes: give both"
    else:
        return
    raise UsageError(msg)


# ------------------------------------------------------------------------------------- one match


def _show(found: StoredMatch, turn: int | None, form: str) -> None:
    import json

    from evalengine.cli import text

    frames = (frame for _, frame in _frames(found, turn))
    if form == "json":
        text.out(json.dumps({"match": found.name, "frames": list(frames)}, indent=2, default=str))
        return
    for frame in frames:
        text.out(_text(frame))


def _write(found: StoredMatch, turn: int | None, folder: str) -> None:
    """Write frames as files.

    Raises:
        StorageError: they cannot be written.
    """
    from pathlib import Path

    from evalengine import pictures
    from evalengine.cli import text
    from evalengine.errors import StorageError

    digits = max(3, len(str(len(found.turns))))
    written = 0
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for match, frame in _frames(found, turn):
            title = f"{found.name}, turn {frame['turn']}"
            picture = pictures.frame(match.state, title, _text(frame).partition("\n")[2])
            path = Path(folder, f"turn-{frame['turn']:0{digits}}.svg")
            path.write_text(picture, encoding="utf-8")
            written += 1
    except OSError as error:
        msg = f"{folder} cannot be written: {error.strerror}"
        raise StorageError(msg) from error
    text.out(f"{written} frames of {found.name} in {folder}")


def _frames(found: StoredMatch, only: int | None) -> Iterator[tuple[Match, dict[str, Any]]]:
    for number, match in enumerate(found.replayed()):
        if only in (None, number):
            yield match, _frame(found, number, match)
        if number == only:
            return


def _frame(found: StoredMatch, turn: int, match: Match) -> dict[str, Any]:
    """Return the position before `turn`, and what was done then."""
    from evalengine import pictures

    done = found.turns[turn] if turn < len(found.turns) else {}
    mover = next(iter(match.state.to_move()), 0)
    return {
        "turn": turn,
        "position": pictures.text_of(match.state),
        "opening": turn < found.spec.opening,
        "by": found.decided_by(turn),
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
        f"{act['agent'] if frame['by'] == 'agents' else frame['by']} (seat {act['seat']}): {act['text']}"
        for act in frame["actions"]
    ]
    end = [f"over, scores: {', '.join(f'{score:g}' for score in frame['scores'])}"] if frame["scores"] else []
    return "\n".join([f"--- turn {frame['turn']}", frame["position"], *done, *end, ""])


# --------------------------------------------------------------------------------- all of them


def _verify(named: str | None, run: int | None, form: str, db: str, plugs: Plugins) -> int:
    import json
    import time

    from evalengine.cli import stored, text
    from evalengine.verifying import Verification

    began = time.monotonic()
    with settings.open_store(db) as store:
        done = Verification(store, plugs)
        run, match_no = (run, None) if named is None else stored.numbers(named, store)
        found = []
        for mismatch in done.all(run, match_no):
            if form == "json":
                found.append(mismatch._asdict())
            else:
                text.out(_line(mismatch))
    for line in done.notes:
        text.note(f"note: {line}")
    seconds = time.monotonic() - began
    counts = {name: getattr(done, name) for name in ("runs", "replayed", "mismatches", "voids", "left_out")}
    if form == "json":
        text.out(json.dumps({**counts, "notes": done.notes, "found": found}, indent=2))
    else:
        text.out(_summary(counts, seconds))
    return ExitCode.FAILED if done.failed else ExitCode.OK


def _line(mismatch: Mismatch) -> str:
    return f"MISMATCH {mismatch.match} {mismatch.where}: {mismatch.told}"


def _summary(counts: Mapping[str, int], seconds: float) -> str:
    plural = "" if counts["runs"] == 1 else "s"
    told = [f"{counts['replayed']} matches of {counts['runs']} run{plural} replayed, {counts['mismatches']} differ"]
    if counts["left_out"]:
        told.append(f"{counts['left_out']} left out")
    if counts["voids"]:
        told.append(f"{counts['voids']} void, without anything to compare")
    return f"{'; '.join(told)}; {seconds:.1f} s ({counts['replayed'] / max(seconds, 1e-9):.0f} matches/s)"
