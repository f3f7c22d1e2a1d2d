"""`evalengine export`: write stored runs to files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from evalengine.cli import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXAMPLES = """\b
Examples:
  evalengine export csv -o tables
  evalengine export ndjson --table steps --game connect4 -o steps.ndjson
  evalengine export parquet --best 20 --anonymous --split 0.8,0.1,0.1 --split-by agent -o data
  evalengine export pgn -o - | less
  evalengine export grades --thresholds grades.toml --students students.csv -o grades.csv
"""


@click.command("export", cls=settings.Command, epilog=_EXAMPLES)
@click.argument("form", metavar="FORMAT")
@click.option("-o", "--output", "path", required=True, metavar="PATH", help="A file, a folder, or - for stdout.")
@click.option(
    "--run",
    "runs",
    type=click.IntRange(min=1),
    multiple=True,
    metavar="N",
    help="A run; may be given again. Default: all of them; for html, junit and grades the latest.",
)
@click.option("--game", "games", multiple=True, metavar="REF", help="Matches of this game; may be given again.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Matches of games with this tag; may be given again.")
@click.option(
    "--agent",
    "agents",
    multiple=True,
    metavar="NAME",
    help="Matches in which this agent sits, and its steps alone; may be given again.",
)
@click.option(
    "--best",
    type=float,
    metavar="PERCENT",
    help="As --agent, for the best PERCENT of the agents on each run's own board.",
)
@click.option("--anonymous", is_flag=True, help="Hide names: aliases instead; logs, paths and texts left out.")
@click.option("--split", default="", metavar="SHARES", help="0.8,0.1,0.1: a file each for train, validation, test.")
@click.option(
    "--split-by",
    type=click.Choice(["game", "agent"]),
    default="game",
    show_default=True,
    help="What falls whole into one split.",
)
@click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="NAME",
    help="matches, steps, ratings, agents, standings, runs; may be given again. Default: the first four, in "
    "one file the matches.",
)
@click.option("--thresholds", type=click.Path(), metavar="FILE", help="Of grades: the TOML file of points.")
@click.option("--students", type=click.Path(), metavar="FILE", help="Of grades: a CSV file of students and agents.")
@settings.database_options
@settings.plugin_options
def command(  # noqa: PLR0917 - an argument an option
    form: str, path: str, runs: Sequence[int], games: Sequence[str], tags: Sequence[str], agents: Sequence[str],
    best: float | None, split: str, split_by: str, tables: Sequence[str], db: str, wanted: Sequence[str], *,
    anonymous: bool, **parameters: Any,
) -> None:  # fmt: skip
    """Write stored runs to files: csv, ndjson, parquet, html, pgn, junit, grades, datasette, or a plugin's FORMAT.

    Nothing stands at PATH before all of it is written. Also while a run is being played: its matches up to now.
    """
    from evalengine.cli import text
    from evalengine.exports.choosing import Filters
    from evalengine.exports.exporting import Wish, export

    wish = Wish(
        form=form,
        path=path,
        filters=Filters(runs=runs, games=games, tags=tags, agents=agents, best=best),
        tables=tables,
        anonymous=anonymous,
        split=split,
        split_by=split_by,
        parameters=parameters,
    )
    plugs = settings.load_plugins(wanted)
    with settings.open_store(db) as store, settings.terminated():
        for line in export(wish, store, plugs):
            text.note(line)
