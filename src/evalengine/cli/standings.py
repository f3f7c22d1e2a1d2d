"""`evalengine standings`: print the standings of a stored run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from evalengine.cli import settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalengine.findings import Scope
    from evalengine.model import Standing
    from evalengine.runs import Run


@click.command("standings", cls=settings.Command)
@click.argument("run", type=click.IntRange(min=1), required=False, metavar="[RUN]")
@click.option("--game", metavar="REF", help="The board of one game instead of the run's own.")
@click.option(
    "--rater", "raters", multiple=True, metavar="NAME", help="Raters to show side by side: bt,elo; may be given again."
)
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    metavar="NAME=RATING",
    help="A rating that the raters shown hold fixed; none: without the run's own.",
)
@click.option(
    "--faults", type=click.Choice(["loss", "ignore"]), default="loss", show_default=True,
    help="What a fault counts as in --rater's tables and the cross table.",
)  # fmt: skip
@click.option("--cross", is_flag=True, help="With --format csv: the cross table instead of the board.")
@settings.board_format_option
@settings.database_options
@settings.plugin_options
def command(  # noqa: PLR0917 - an argument an option
    run: int | None, game: str | None, raters: Sequence[str], anchors: Sequence[str], faults: str, form: str, db: str,
    wanted: Sequence[str], *, cross: bool,
) -> None:  # fmt: skip
    """Print the standings of a stored run, the latest by default; also while it is being played."""
    from evalengine import evidence, findings, runs
    from evalengine.cli import report, scope, text

    plugs = settings.load_plugins(wanted)
    made = report.reporter(form, plugs)
    with settings.open_store(db) as store, store.reading():
        found = runs.reopen(store, run or store.latest_run(), plugs)
        shown = findings.Scope(found, game, plugs)
        options = evidence.parse_options((), anchors)
        named = [name.strip() for text in raters for name in text.split(",") if name.strip()] or [shown.usual]
        rated = shown.rated(store, {name: {**shown.own_options(name), **options} for name in named}, faults)
        record = _record(shown, rated)
        board = made.standings(found.summary() | record, found.boards.standings(shown.board))
        last = report.last_line(found)
        stopping = report.stopping_line(found)
    for line in report.rerated_line(found, stored=False):
        text.note(line)
    if form != "table":
        text.out(scope.as_csv(record["cross_table"]) if cross and form == "csv" else board)
        return
    # The board itself is by the usual rater, so that its table would say the same again.
    again = not (raters or anchors or faults != "loss") and shown.usual == shown.board.rater_name
    games = {} if game else _by_game(found)
    lines = _lines(record, {} if again else rated, games)
    title, held = report.board_title(f"run {found.number}", shown.board), report.anchors_line(shown.board)
    for line in (title, board, *held, *stopping, *lines, text.rule(last)):
        text.out(line)
    _say_where_it_stands(found)


def _say_where_it_stands(found: Run) -> None:
    from evalengine.cli import report, text

    if found.state == "running":
        again = report.resume_command(found)
        text.note(f"{found.played} of {found.total} matches: being played, or killed; then {again}")
    elif not found.complete:
        text.note(report.stopped_line(found))


def _record(shown: Scope, rated: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the board does not tell, as `--format json` has it."""
    from evalengine import findings

    evidence, names = shown.evidence, shown.names
    return {
        "raters": rated,
        "reliability": findings.reliability_rows(evidence, shown.agents, names),
        "cross_table": findings.cross_rows(evidence, shown.agents, names),
        **findings.summary(evidence, names),
    }


def _by_game(run: Run) -> dict[str, tuple[str, Sequence[Standing]]]:
    """Return the boards of a run of several games: the pooled one first; by title rater and lines."""
    main, *others = run.boards.boards
    if not others:
        return {}
    title = "all games" if len(main.games) == len(others) else f"{len(main.games)} games"
    boards = {title: main} if len(main.games) > 1 else {}
    boards |= {board.scope: board for board in others}
    return {title: (board.rater_name, run.boards.standings(board)) for title, board in boards.items()}


def _lines(
    record: Mapping[str, Any],
    shown: Mapping[str, Sequence[Mapping[str, Any]]],
    games: Mapping[str, tuple[str, Sequence[Standing]]],
) -> Iterator[str]:
    """Yield what the board does not tell, as text; `shown`: the raters whose tables are; `games`: boards by title."""
    from evalengine.cli import tables, text

    if shown:
        yield text.rule("rated by" if len(shown) > 1 else f"by {next(iter(shown))}")
        yield from tables.rating_lines(shown)
    if games:
        yield text.rule(f"by game ({next(iter(games.values()))[0]})")
        yield from tables.game_lines(games)
    if any(row["faults"] for row in record["reliability"]):
        yield text.rule("reliability")
        yield from tables.reliability_lines(record["reliability"])
    if record["cross_table"]:
        yield text.rule("cross table (W-D-L)")
        best = [row["agent"] for row in next(iter(record["raters"].values()))]
        yield from tables.cross_lines(record["cross_table"], best)
    told = list(tables.summary_lines(record))
    if told:
        yield text.rule("draws, seats, circles")
    yield from told
