"""`evalengine branch`: continue a stored match from one of its turns, many times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from evalengine.cli import continued, settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalengine.outcomes import BranchOutcome, SeatOutcome
    from evalengine.plugins import Plugins
    from evalengine.runs import Run
    from evalengine.store import Store

_HEAD = ("seat", "agent", "W-D-L", "win rate", "95%", "mean score", "95%", "in the parent")
_EXAMPLES = """\b
Examples:
  evalengine branch 17 --turn 6 --seat 0=fixed.py
  evalengine branch 'connect4::a-vs-b[17]' --turn 6 --seat 1=minimax --luck same -n 100
  evalengine branch --resume
"""


@click.command("branch", cls=settings.Command, epilog=_EXAMPLES)
@click.argument("match", required=False, metavar="[MATCH]")
@click.option("--turn", type=click.IntRange(min=0), metavar="K", help="The first turn that is played anew.")
@click.option(
    "-n", "matches", type=click.IntRange(1, 1 << 40), default=20, show_default=True, metavar="N",
    help="Continuations; exactly so many are played.",
)  # fmt: skip
@settings.format_option("table", "json")
@continued.options
@click.pass_obj
def command(source: settings.Source, /, **options: Any) -> int:
    """Continue a stored match from turn K many times, and print each seat's win rate with its interval.

    MATCH: GAME::A-vs-B[NUMBER] or NUMBER, in the latest run unless RUN/ stands before it. Turns before K are the
    parent's; from K on who sat there plays on, or whom --seat names. Stored as a run of its own.
    """
    _check(options, source)
    plugs = settings.load_plugins(options["wanted"])
    with settings.open_store(options["db"]) as store:
        run = _run(options, store, plugs)
        code = continued.play(run, store, plugs, options)
        _print(run, store, plugs, options["form"])
    return code


def _check(options: Mapping[str, Any], source: settings.Source) -> None:
    from evalengine import runner
    from evalengine.errors import UsageError

    runner.check_numbers(None, None, None, options["seed"])
    if options["resume"]:
        continued.check_resume(options["resume"], source.typed)
    elif options["match"] is None or options["turn"] is None:
        msg = "which match, and from which turn? evalengine branch MATCH --turn K --seat S=AGENT"
        raise UsageError(msg)


def _run(options: Mapping[str, Any], store: Store, plugs: Plugins) -> Run:
    from evalengine import continuing, seeding
    from evalengine.cli import stored

    if options["resume"]:
        return continued.reopened(options["resume"], "branch", store, plugs)
    parent = stored.read(options["match"], store, plugs)
    seats = continued.parsed_seats(options["seats"])
    seed = seeding.fresh_seed() if options["seed"] is None else options["seed"]
    return continuing.begin_branch(
        parent, options["turn"], seats, options["matches"], options["luck"], seed, store, plugs
    )


def _print(run: Run, store: Store, plugs: Plugins, form: str) -> None:
    import json
    from dataclasses import asdict

    from evalengine import outcomes
    from evalengine.cli import text

    found = outcomes.outcome_of(run, store, plugs)
    if form == "json":
        text.out(json.dumps(asdict(found), indent=2))
        return
    voids = f", {found.voids} void" if found.voids else ""
    text.out(
        f"run {found.run}: {found.parent} from turn {found.turn}, {found.luck} luck: {found.matches} matches{voids}, "
        f"{found.distinct} different"
    )
    text.out(text.table(_HEAD, [_row(seat) for seat in found.seats]))
    _print_notes(found)


def _print_notes(found: BranchOutcome) -> None:
    from evalengine.cli import text

    if any(seat.replaced for seat in found.seats):
        text.out("* sits there instead of the parent's agent")
    if found.distinct == 1 and found.matches > 1:
        text.note(
            "note: all continuations are the same game: neither the game nor these agents draw any luck, and the "
            "intervals mean nothing"
        )


def _row(seat: SeatOutcome) -> tuple[str, ...]:
    return (
        f"{seat.seat}{'*' if seat.replaced else ''}",
        seat.agent,
        f"{seat.wins}-{seat.draws}-{seat.losses}",
        "-" if seat.win_rate is None else f"{seat.win_rate:.1%}",
        "-" if seat.lo is None else f"{seat.lo:.1%}..{seat.hi:.1%}",
        "-" if seat.score is None else f"{seat.score:.3f}",
        "-" if seat.score_lo is None else f"{seat.score_lo:.3f}..{seat.score_hi:.3f}",
        f"place {seat.parent_place}, score {seat.parent_score:g}",
    )
