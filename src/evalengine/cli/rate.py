"""`evalengine rate`: rate a stored run anew, without playing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from evalengine.cli import settings

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command("rate", cls=settings.Command)
@click.argument("run", type=click.IntRange(min=1), required=False, metavar="[RUN]")
@click.option("--rater", metavar="NAME", help="The rater: a name of evalengine plugins. Default: the run's own.")
@click.option("-o", "options", multiple=True, metavar="KEY=VALUE", help="An option of the rater.")
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    metavar="NAME=RATING",
    help="A rating that is held fixed; none: without the run's own.",
)
@click.option("--game", metavar="REF", help="One game alone.")
@click.option(
    "--faults", type=click.Choice(["loss", "ignore"]), default="loss", show_default=True, help="What a fault counts as."
)
@click.option("--rebuild", is_flag=True, help="Store it as the run's own: ratings, state and history.")
@settings.format_option("table", "json", "csv")
@settings.database_options
@settings.plugin_options
def command(  # noqa: PLR0917 - an argument an option
    run: int | None, rater: str | None, options: Sequence[str], anchors: Sequence[str], game: str | None, faults: str,
    form: str, db: str, wanted: Sequence[str], *, rebuild: bool,
) -> None:  # fmt: skip
    """Rate a stored run, the latest by default, with another rater or other options; only prints without --rebuild."""
    from evalengine import evidence, findings, rerating, runs
    from evalengine.cli import scope, text
    from evalengine.errors import UsageError

    if rebuild and (game or faults == "ignore"):
        msg = "--rebuild stores the whole run with faults as losses: leave out --game and --faults"
        raise UsageError(msg)
    plugs = settings.load_plugins(wanted)
    parsed = evidence.parse_options(options, anchors)
    with settings.open_store(db) as store:
        found = runs.reopen(store, run or store.latest_run(), plugs)
        shown = findings.Scope(found, game, plugs)
        by = rater or shown.board.rater_name
        told = {**shown.own_options(by), **parsed}
        if rebuild and (rater or options):
            rerating.rebuild(found, store, by, told, plugs)
        elif rebuild:
            rerating.renew(found, store, plugs, parsed.get("anchors"))
        with store.reading():
            rows = shown.rated(store, {by: told}, faults)[by]
    scope.print_rows(form, {"run": found.number, "rater": by, "options": told, "ratings": rows}, "ratings", by)
    if rebuild:
        text.note(f"run {found.number} is rated by {by} from now on")
