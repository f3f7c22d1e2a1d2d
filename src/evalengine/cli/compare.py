"""`evalengine compare`: two agents of a stored run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from evalengine.cli import settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalengine.findings import Scope


@click.command("compare", cls=settings.Command)
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.argument("run", type=click.IntRange(min=1), required=False, metavar="[RUN]")
@click.option(
    "--elo", "error_elo", type=click.FloatRange(min=0.1), default=10.0, show_default=True,
    help="Tell the matches still needed for an interval of +- this many Elo.",
)  # fmt: skip
@click.option("--game", metavar="REF", help="One game alone.")
@click.option(
    "--faults", type=click.Choice(["loss", "ignore"]), default="loss", show_default=True, help="What a fault counts as."
)
@settings.format_option("table", "json")
@settings.database_options
@settings.plugin_options
def command(  # noqa: PLR0917 - an argument an option
    first: str, second: str, run: int | None, error_elo: float, game: str | None, faults: str, form: str, db: str,
    wanted: Sequence[str],
) -> None:  # fmt: skip
    """Compare agent A with agent B in a stored run, the latest by default."""
    import json

    from evalengine import findings, references, runs
    from evalengine.cli import text
    from evalengine.errors import UsageError

    plugs = settings.load_plugins(wanted)
    with settings.open_store(db) as store, store.reading():
        found = runs.reopen(store, run or store.latest_run(), plugs)
        shown = findings.Scope(found, game, plugs)
        known = {shown.names[agent]: agent for agent in shown.agents}
        one, other = (references.find(f"agent in run {found.number}:", name, known) for name in (first, second))  # type: ignore[type-var]  # numbers are found by name
        if one == other:
            msg = f"{first!r} is given twice: name two agents of run {found.number}"
            raise UsageError(msg)
        own = shown.own_options(shown.usual)
        rows = shown.rated(store, {shown.usual: own}, faults)[shown.usual]
        told = {"run": found.number, **_record(shown, one, other, rows, error_elo)}
        if not told["matches"] and told["connected"] and shown.usual != "mean":
            # With the second one fixed where it stands, the first one's interval is that of the difference.
            fixed = own | {"anchors": {second: told["ratings"][1]["rating"]}}
            told["difference"] = _difference(
                told["ratings"][1], shown.rated(store, {shown.usual: fixed}, faults), first
            )
    text.out(json.dumps(told, indent=2) if form == "json" else "\n".join(_lines(told)))


def _record(shown: Scope, one: int, other: int, rows: Sequence[Mapping[str, Any]], error_elo: float) -> dict[str, Any]:
    from dataclasses import asdict

    from evalengine.statistics.pairs import pair_statistics

    names, evidence = shown.names, shown.evidence
    wins, draws, losses = evidence.counts(one, other)
    matches = wins + draws + losses
    counts = evidence.pentanomial(one, other)
    seats = evidence.first_seat.get((min(one, other), max(one, other)))
    pair = pair_statistics(
        wins=wins, draws=draws, losses=losses, pentanomial=counts if any(counts) else None,
        first_seat=None if seats is None else (seats[0], seats[1], seats[2]),
    )  # fmt: skip
    told = asdict(pair)
    del told["reliability"]
    ratings = [next(row for row in rows if row["agent"] == names[agent]) for agent in (one, other)]
    needed = pair.elo.matches_for(error_elo) if matches else None
    return {
        "agents": [names[one], names[other]],
        "matches": matches,
        **told,
        "error_elo": error_elo,
        "matches_needed": needed,
        "matches_still_needed": None if needed is None else max(0, needed - matches),
        "rater": shown.usual,
        "ratings": ratings,
        "connected": ratings[0]["component"] == ratings[1]["component"] and all(row["rank"] for row in ratings),
    }


def _difference(fixed: Mapping[str, Any], tables: Mapping[str, Any], first: str) -> dict[str, float]:
    (rows,) = tables.values()
    row = next(row for row in rows if row["agent"] == first)
    return {name: row[name] - fixed["rating"] for name in ("rating", "lo", "hi")}


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    from evalengine.cli import tables

    one, other = told["agents"]
    if not told["matches"]:
        yield f"{one} and {other} never met in run {told['run']}"
        yield from _through_others(told)
        return
    yield f"{one} against {other}, run {told['run']}: {told['wins']}-{told['draws']}-{told['losses']} (W-D-L)"
    found = told["elo"]
    yield tables.estimate_text(found)
    error = "" if found["nelo_error"] is None else f" +- {found['nelo_error']:.1f}"
    yield f"nElo {found['nelo']:+.1f}{error}, LOS {100 * found['los']:.1f}%, draws {100 * told['draw_ratio']:.1f}%"
    if told["pentanomial"]:
        yield f"rotations of two (LL, LD, DD+WL, WD, WW): {', '.join(map(str, told['pentanomial']))}"
    if told["first_seat"]:
        yield f"first seat: {tables.estimate_text(told['first_seat'])}"
    yield f"for +-{told['error_elo']:g} Elo: {told['matches_needed']} matches, {told['matches_still_needed']} more"


def _through_others(told: Mapping[str, Any]) -> Iterator[str]:
    from evalengine.cli import tables

    one, other = told["ratings"]
    if not told["connected"]:
        yield "and no results of others connect them: nothing says who is stronger. Play them against each other"
        return
    if "difference" not in told:
        yield f"by {told['rater']}: {one['rating']:.3f} and {other['rating']:.3f}"
        return
    found = told["difference"]
    span = tables.bounds(found["lo"], found["hi"])
    yield f"through others, by {told['rater']}: {one['agent']} is at {found['rating']:+.1f}, 95% {span}"
