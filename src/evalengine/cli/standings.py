"""`evalengine standings`: print the standings of a stored run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from evalengine.cli import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.boards import Board
    from evalengine.runs import Run


@click.command("standings", cls=settings.Command)
@click.argument("run", type=click.IntRange(min=1), required=False, metavar="[RUN]")
@click.option("--game", metavar="REF", help="The board of one game instead of the run's own.")
@settings.board_format_option
@settings.database_options
@settings.plugin_options
def command(run: int | None, game: str | None, form: str, db: str, wanted: Sequence[str]) -> None:
    """Print the standings of a stored run, the latest by default; also while it is being played."""
    from evalengine import runs
    from evalengine.cli import report, text

    plugs = settings.load_plugins(wanted)
    made = report.reporter(form, plugs)
    with settings.open_store(db) as store, store.reading():
        found = runs.reopen(store, run or store.latest_run(), plugs)
        board = _board(found, game)
        shown = made.standings(found.summary(), found.boards.standings(board))
        last = report.last_line(found)
        stopping = report.stopping_line(found)
    if form != "table":
        text.out(shown)
        return
    for line in (report.board_title(f"run {found.number}", board), shown, *stopping, text.rule(last)):
        text.out(line)
    if found.state == "running":
        again = report.resume_command(found)
        text.note(f"{found.played} of {found.total} matches: being played, or killed; then {again}")
    elif not found.complete:
        text.note(report.stopped_line(found))


def _board(run: Run, game: str | None) -> Board:
    """Return the board of a game, or the run's own.

    Raises:
        UnknownNameError: the run has no such game.
    """
    from evalengine import references

    boards = {board.scope: board for board in run.boards.boards}
    if game is None:
        return boards[""]
    games = {chosen.ref: boards.get(chosen.ref, boards[""]) for chosen in run.entry.games}  # one alone has no own
    return references.find(f"game in run {run.number}:", game, games)  # type: ignore[type-var]  # boards are found by scope
