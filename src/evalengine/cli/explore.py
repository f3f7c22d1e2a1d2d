"""`evalengine explore`: hold each action of stored decisions, and see what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from evalengine.cli import continued, settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalengine.exploring import Continues
    from evalengine.plugins import Plugins
    from evalengine.runs import Run
    from evalengine.store import Store

_COUNT = click.IntRange(1, 1 << 30)
_EXAMPLES = """\b
Examples:
  evalengine explore --every 4 --actions 3 -n 5 --dry-run
  evalengine explore --game connect4 --agent mybot.py --matches 100 --format ndjson > rows.ndjson
  evalengine explore --resume --format csv
"""


@click.command("explore", cls=settings.Command, epilog=_EXAMPLES)
@click.argument("run", type=click.IntRange(min=1), required=False, metavar="[RUN]")
@click.option("--game", metavar="REF", help="Only matches of this game.")
@click.option("--agent", metavar="NAME", help="Only decisions of this agent.")
@click.option("-k", "select", metavar="EXPR", default="", help="Only matches whose id holds these words.")
@click.option("--matches", "parents", type=_COUNT, metavar="N", help="The first N of them. Default: all.")
@click.option("--every", type=_COUNT, default=1, show_default=True, metavar="K", help="Each K-th decision of a match.")
@click.option("--actions", type=_COUNT, metavar="M", help="At most M actions of a decision, what was done among them.")
@click.option("-n", "samples", type=_COUNT, default=1, show_default=True, help="Continuations of each action.")
@click.option("--dry-run", is_flag=True, help="Print how many matches it would be; play nothing, store nothing.")
@settings.format_option("table", "ndjson", "csv", "json")
@continued.options
@click.pass_obj
def command(source: settings.Source, /, **options: Any) -> int:
    """Build counterfactual data: in decisions of a run's matches each action is held, and the match played to its end.

    RUN: whose matches, the latest by default. A row is one continuation: parent, turn, seat, action, sample, score.
    Stored as a run of its own; the rows are the view v_branches, and --format ndjson or csv.
    """
    _check(options, source)
    plugs = settings.load_plugins(options["wanted"])
    with settings.open_store(options["db"]) as store:
        if options["dry_run"]:
            return _preview(options, store, plugs)
        run = _run(options, store, plugs)
        code = continued.play(run, store, plugs, options)
        _print(run, store, options["form"])
    return code


def _check(options: Mapping[str, Any], source: settings.Source) -> None:
    from evalengine import runner

    runner.check_numbers(None, None, None, options["seed"])
    if options["resume"]:
        continued.check_resume(options["resume"], source.typed)


def _asked(options: Mapping[str, Any], store: Store, plugs: Plugins) -> tuple[Any, ...]:
    """Return what `begin_exploration` and `plan_exploration` are given."""
    from evalengine import runs, seeding

    parent = runs.reopen(store, options["run"] or store.latest_run(), plugs)
    seed = seeding.fresh_seed() if options["seed"] is None else options["seed"]
    seats = continued.parsed_seats(options["seats"])
    return parent, _wish(options, parent), seats, options["luck"], seed, store, plugs


def _wish(options: Mapping[str, Any], parent: Run) -> Continues:
    from evalengine import continuing

    asked = {name: options[name] for name in ("every", "actions", "samples", "select", "parents")}
    return continuing.exploration(parent, options["game"], options["agent"], **asked)


def _preview(options: Mapping[str, Any], store: Store, plugs: Plugins) -> int:
    import json

    from evalengine import continuing
    from evalengine.cli import text

    sizes = continuing.plan_exploration(*_asked(options, store, plugs))
    if options["form"] == "json":
        text.out(json.dumps({"matches": sum(sizes.values()), "games": sizes}, indent=2))
    else:
        text.out(_plan_line(sizes))
    return 0


def _plan_line(sizes: Mapping[str, int]) -> str:
    split = ", ".join(f"{game} {size}" for game, size in sizes.items() if size)
    return f"{sum(sizes.values())} matches: {split}"


def _run(options: Mapping[str, Any], store: Store, plugs: Plugins) -> Run:
    from evalengine import continuing
    from evalengine.cli import text

    if options["resume"]:
        return continued.reopened(options["resume"], "explore", store, plugs)
    run = continuing.begin_exploration(*_asked(options, store, plugs))
    if not options["quiet"]:
        sizes = {game.ref: (run.sizes or {}).get(game_no, 0) for game_no, game in enumerate(run.entry.games)}
        text.note(_plan_line(sizes))
    return run


def _print(run: Run, store: Store, form: str) -> None:
    import json

    from evalengine import outcomes
    from evalengine.cli import report, text

    if form == "table":
        text.out(f"run {run.number}: {run.played} matches, {run.voids} void, in {run.seconds:.1f} s")
        text.out(f"rows: evalengine explore --resume {run.number}{report.db_option(run)} --format ndjson")
        return
    rows = outcomes.rows(run.number, store)
    if form == "csv":
        _print_csv(rows)
    elif form == "json":
        text.out(json.dumps({"run": run.number, "state": run.state, "rows": [_decoded(row) for row in rows]}, indent=2))
    else:
        for row in rows:
            text.out(json.dumps(_decoded(row), separators=(",", ":")))


def _decoded(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its action as a value, not as JSON's text of it."""
    import json

    return {**row, "action": json.loads(row["action"]), "played": bool(row["played"])}


def _print_csv(rows: Any) -> None:
    import csv
    import io

    from evalengine import outcomes
    from evalengine.cli import text

    for values in ([*outcomes.ROW], *map(list, map(dict.values, rows))):
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(map(_defused, values))
        text.out(line.getvalue())


def _defused(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula; an action that is a number stays one."""
    hostile = isinstance(value, str) and value.startswith(("=", "+", "-", "@")) and not value[1:].isdecimal()
    return f"'{value}" if hostile else value
