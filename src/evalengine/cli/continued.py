"""What `evalengine branch` and `evalengine explore` have in common: options, playing, resuming."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from evalengine.cli import settings
from evalengine.errors import ExitCode, StorageError, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from evalengine.plugins import Plugins
    from evalengine.runs import Run
    from evalengine.store import Store

_LATEST = "latest"

Decorated = Any  # a click command under construction


def options(command: Decorated) -> Decorated:
    """Add the options that both commands have."""
    added = (
        click.option("--seat", "seats", multiple=True, metavar="S=AGENT", help="Who plays on in seat S, instead."),
        click.option(
            "--luck",
            type=click.Choice(["fresh", "same"]),
            help="Chance from there on: drawn anew for each continuation, or the parent's. Default: fresh, where the "
            "game can.",
        ),
        click.option("--seed", type=int, metavar="SEED", help="63 bits that luck and agents' seeds follow from."),
        click.option(
            "--workers", type=click.IntRange(1, 1024), metavar="N", help="Worker processes. Default: one a core."
        ),
        click.option(
            "--resume",
            is_flag=False,
            flag_value=_LATEST,
            metavar="[RUN]",
            help="Continue, or print again, what was stored, the latest by default; all but --workers and output comes "
            "from it.",
        ),
        click.option("-q", "--quiet", is_flag=True, help="No header and no progress."),
        settings.database_options,
        settings.plugin_options,
    )  # fmt: skip
    for option in reversed(added):
        command = option(command)
    return command


def check_resume(named: str, typed: Collection[str]) -> None:
    """Refuse what a stored run fixes.

    Raises:
        UsageError: one is given.
    """
    if named != _LATEST and not (named.isdecimal() and int(named)):
        msg = f"--resume {named}: a run is a number from 1; leave it out for the latest"
        raise UsageError(msg)
    fixed = set(typed) - {"resume", "workers", "quiet", "form", "db", "wanted"}
    if fixed:
        parameters = click.get_current_context().command.params
        written = [parameter.opts[0] for parameter in parameters if parameter.name in fixed]
        msg = f"--resume takes {', '.join(written)} from the stored run: leave it out"
        raise UsageError(msg)


def parsed_seats(texts: Sequence[str]) -> dict[int, str]:
    """Return references of agents by seat, from `S=AGENT`.

    Raises:
        UsageError: a text is no such thing.
    """
    found: dict[int, str] = {}
    for text in texts:
        seat, sign, ref = text.partition("=")
        if not (sign and ref and seat.isdecimal() and len(seat) < 4):  # noqa: PLR2004 - no game has a thousand seats
            msg = f"--seat {text}: write --seat S=AGENT, for example --seat 0=random"
            raise UsageError(msg)
        if int(seat) in found:
            msg = f"--seat {text}: seat {seat} is given twice"
            raise UsageError(msg)
        found[int(seat)] = ref
    return found


def reopened(named: str, kind: str, store: Store, plugs: Plugins) -> Run:
    """Return a stored run of a kind, to be played on.

    Raises:
        UsageError: it is of another kind; StoreError: it cannot be played on.
    """
    from evalengine import runs

    number = store.latest_run(kind) if named == _LATEST else int(named)
    found = store.run(number)["kind"]
    if found == "live":
        msg = f"run {number} is a live match, which goes on where it is served: it cannot be resumed here"
        raise UsageError(msg)
    if found != kind:
        msg = f"run {number} is no {kind} but a {found}: evalengine {found} --resume {number}"
        raise UsageError(msg)
    run = runs.reopen(store, number, plugs)
    if not run.complete:
        runs.check_resumable(run, plugs, store.agents_folder)
    return run


def play(run: Run, store: Store, plugs: Plugins, given: Mapping[str, Any]) -> int:
    """Play what is left of a run; return the exit code, after a word on how to go on if something is left.

    Raises:
        StorageError: the disk is full; what was stored is intact.
    """
    import sys
    from contextlib import redirect_stdout

    from evalengine import playing, runner
    from evalengine.cli import progress, report, text

    if run.complete:
        return _code(run)
    shown = {"quiet": given["quiet"], "verbose": 0, "color": "auto", "rootdir": None}
    try:
        # What games print while their parents are replayed must not mix with results.
        with redirect_stdout(sys.stderr), progress.make(shown, plugs, None) as display:
            playing.play(run, store, plugs, workers=given["workers"] or runner.default_workers(), listener=display)
    except StorageError:
        text.note(report.stopped_line(run))
        raise
    if not run.complete:
        text.note(report.stopped_line(run))
    return _code(run)


def _code(run: Run) -> int:
    if not run.complete:
        return ExitCode.INTERRUPTED
    return ExitCode.FAILED if run.voids else ExitCode.OK
