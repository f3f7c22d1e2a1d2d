"""`evalengine report`: a stored run as a folder of pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from evalengine.cli import settings

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command("report", cls=settings.Command)
@click.option("-o", "--output", "folder", required=True, metavar="FOLDER", help="Where the pages go; made anew.")
@click.option("--run", type=click.IntRange(min=1), metavar="RUN", help="The run; the latest by default.")
@click.option(
    "--frames", type=click.IntRange(min=0), default=1_000, show_default=True, metavar="N",
    help="Matches with pictures of every turn: those with a fault first, others evenly over the run.",
)  # fmt: skip
@click.option(
    "--matches", type=click.IntRange(min=1), default=20_000, show_default=True, metavar="N",
    help="Matches told of one by one, chosen likewise where there are more.",
)  # fmt: skip
@click.option("--rater", "raters", multiple=True, metavar="NAME", help="A rater to show, too; may be given again.")
@settings.database_options
@settings.plugin_options
def command(  # noqa: PLR0917 - an argument an option
    folder: str, run: int | None, frames: int, matches: int, raters: Sequence[str], db: str, wanted: Sequence[str]
) -> None:
    """Write a stored run, the latest by default, as pages that open from any folder or USB stick, without a server."""
    from pathlib import Path

    from evalengine import runs
    from evalengine.cli import report, text
    from evalengine.report import site

    plugs = settings.load_plugins(wanted)
    with settings.open_store(db) as store, store.reading(), settings.terminated():
        found = runs.reopen(store, run or store.latest_run(), plugs)
        written = site.write(
            found, store, plugs, Path(folder), most=matches, framed=frames, raters=raters,
            db_option=report.db_option(found),
        )  # fmt: skip
    some = "" if written.listed == written.total else f"{written.listed} of "
    text.out(
        f"run {found.number}: {some}{written.total} matches, {written.framed} of them with pictures, "
        f"in {written.files} files, {written.size / 1e6:.1f} MB"
    )
    text.out(f"open {Path(folder) / 'index.html'}")
