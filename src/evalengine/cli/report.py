"""What a run prints at its end: standings, faults, the slowest matches, the last line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from evalengine import planning, plugins
from evalengine.cli.progress import LETTERS, rule
from evalengine.store import match_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalengine.contracts import Reporter
    from evalengine.plugins import Plugins
    from evalengine.runner import Run
    from evalengine.store import Store

_MOST_FAULTS = 20


def print_run(run: Run, store: Store, options: Mapping[str, Any], plugs: Plugins) -> None:
    """Print the end of a run to stdout, the resume command to stderr."""
    if options["form"] != "table":
        click.echo(reporter(options["form"], plugs).standings(run.summary(), run.standings))
    else:
        if not options["quiet"]:
            _print_boards(run, options, plugs)
            for line in fault_lines(run, store, options["kinds"], options["tb"]):
                click.echo(line)
            for line in _slowest(run, store, options["durations"]):
                click.echo(line)
        click.echo(rule(last_line(run)))
        if not options["quiet"] and run.state == "done" and run.played:
            click.echo(f"show one: evalengine show {_example(run, store)}{_db(run)}")
    if run.state != "done":
        left = f" of {run.total}" if run.total else ""
        click.echo(
            f"stopped with {run.played}{left} matches stored. Continue: evalengine run --resume {run.number}{_db(run)}",
            err=True,
        )


def reporter(name: str, plugs: Plugins) -> Reporter:
    """Return a reporter by its name."""
    spec = plugins.find("reporter", name, plugs.listed("reporters"), "evalengine plugins")
    made: Reporter = plugins.imported(spec.factory, f"reporter {name!r}")()
    return made


def _print_boards(run: Run, options: Mapping[str, Any], plugs: Plugins) -> None:
    table = reporter("table", plugs)
    main = run.boards.boards[0]
    apart = [board for board in run.boards.boards[1:] if options["verbose"] or not set(board.games) & set(main.games)]
    for board in [main, *apart]:
        title = f"standings: {board.scope}" if board.scope else "standings"
        click.echo(rule(f"{title} (by {board.rater_name})"))
        click.echo(table.standings({}, run.boards.standings(board)))


def last_line(run: Run) -> str:
    """Return the summary that -q prints alone."""
    faults = run.faults.total()
    told = [f"{run.played - run.voids} finished"]
    if faults:
        told.append(f"{faults} with a fault")
    if run.voids:
        told.append(f"{run.voids} void")
    speed = run.played / run.seconds if run.seconds else 0.0
    return f"{', '.join(told)}, in {run.seconds:.1f} s ({speed:.1f} matches/s)"


def fault_lines(run: Run, store: Store, kinds: str, style: str) -> Iterator[str]:
    """Yield the short fault summary: kind, match, turn, detail; of each kind that was asked for."""
    wanted = [kind for kind, sign in LETTERS.items() if ("a" in kinds or sign in kinds) and "N" not in kinds]
    total = sum(run.faults[kind] for kind in wanted if kind != "void") + (run.voids if "void" in wanted else 0)
    if not total:
        return
    yield rule("short fault summary")
    marks = ", ".join("?" * len(wanted))
    rows = store.rows(
        f"select * from fault where match >= ? and match < ? and kind in ({marks}) order by match, turn limit ?",  # noqa: S608 - marks only
        match_id(run.number, 0),
        match_id(run.number + 1, 0),
        *wanted,
        _MOST_FAULTS,
    )
    for row in rows:
        name, names = match_of(run, store, row["match"])
        who = f"{names[row['seat']]}: " if row["seat"] is not None else ""
        yield f"{row['kind'].upper():<8} {name}  turn {row['turn']}  {who}{row['detail']}"
        if style == "long" and row["traceback"]:
            yield row["traceback"].rstrip()
    if total > len(rows):
        yield f"... and {total - len(rows)} more: select * from v_faults where run = {run.number}"
    if style != "no" and run.faults["timeout"]:
        yield "a time limit was hit: on another machine, or a busier one, standings may differ"


def match_of(run: Run, store: Store, number: int) -> tuple[str, list[str]]:
    """Return the id of a stored match and the names of its agents by seat."""
    seats = store.rows("select agent_no from seat where match = ? order by seat", number)
    game_no = store.rows("select game_no from match where id = ?", number)[0]["game_no"]
    names = [run.entry.agents[row["agent_no"]].name for row in seats]
    match_no = number - match_id(run.number, 0)
    return planning.match_name(run.entry.games[game_no].ref, names, match_no), names


def _slowest(run: Run, store: Store, count: int) -> Iterator[str]:
    if not count:
        return
    yield rule(f"slowest {count} matches")
    rows = store.rows(
        "select id, seconds from match where id >= ? and id < ? order by seconds desc limit ?",
        match_id(run.number, 0),
        match_id(run.number + 1, 0),
        count,
    )
    for row in rows:
        yield f"{row['seconds']:8.3f} s  {match_of(run, store, row['id'])[0]}"


def _example(run: Run, store: Store) -> str:
    """Return the id of a match worth looking at: with a fault where there is one."""
    bounds = (match_id(run.number, 0), match_id(run.number + 1, 0))
    rows = store.rows("select match as id from fault where match >= ? and match < ? limit 1", *bounds)
    rows = rows or store.rows("select id from match where id >= ? and id < ? order by turns desc limit 1", *bounds)
    return f"'{match_of(run, store, rows[0]['id'])[0]}'"


def _db(run: Run) -> str:
    from evalengine.runner import DEFAULT_DB

    return "" if run.db == DEFAULT_DB else f" --db {run.db}"
