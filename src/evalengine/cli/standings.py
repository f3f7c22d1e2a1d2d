"""`evalengine standings`: print the standings of a stored run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from evalengine import plugins, runner
from evalengine.cli import report, settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@click.command("standings")
@click.argument("run", type=click.IntRange(min=1), required=False, metavar="[RUN]")
@click.option("--game", metavar="REF", help="The board of one game instead of the run's own.")
@settings.format_option("table", "json", "csv")
@settings.database_options
@settings.plugin_options
def command(run: int | None, game: str | None, form: str, db: Path, wanted: Sequence[str]) -> None:
    """Print the standings of a stored run, the latest by default; also while it is being played."""
    plugs = settings.load_plugins(wanted)
    with settings.open_store(db) as store:
        found = runner.reopen(store, run or store.latest_run(), plugs)
        boards = {board.scope: board for board in found.boards.boards}
        if len(boards) == 1:
            boards[found.entry.games[boards[""].games[0]].ref] = boards[""]
        board = plugins.find(f"game in run {found.number}:", game, boards) if game else boards[""]  # type: ignore[type-var]  # boards are found by scope
        text = report.reporter(form, plugs).standings(found.summary(), found.boards.standings(board))
        if form == "table":
            title = f"run {found.number}: {board.scope or 'standings'} (by {board.rater_name})"
            click.echo(report.rule(title))
        click.echo(text)
        if form == "table":
            click.echo(report.rule(report.last_line(found)))
