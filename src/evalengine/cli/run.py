"""`evalengine run`: play matches between agents and print the standings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalengine import runner, seeding
from evalengine.cli import progress, report, settings
from evalengine.errors import ExitCode, UsageError
from evalengine.model import Limits
from evalengine.planning import Settings
from evalengine.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evalengine.plugins import Plugins
    from evalengine.runner import Run

_RESUME_LATEST = "latest"
_FIXED_BY_A_RUN = (
    "agents", "games", "matches", "rounds", "seed", "rater", "pairing", "opening", "opponents", "turn_s", "start_s", "match_s",
    "memory_mib", "sandbox", "select", "deselect", "last_failed", "failed_first",
)  # fmt: skip


def _options(*groups: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorate(command: Any) -> Any:
        for group in reversed(groups):
            command = group(command)
        return command

    return decorate


_option = click.option

_plan_options = _options(
    _option(
        "--games", metavar="EXPR", help="Names and tags with and/or/not: 'strategy and not hex', hex(size=5), a path."
    ),
    _option("-n", "matches", type=int, metavar="N", help="Matches in all; exactly so many are played."),
    _option("--rounds", type=int, metavar="R", help="Whole rotations (all seat orders) of every cell, instead of -n."),
    _option("--seed", type=int, metavar="S", help="63 bits that everything follows from. Default: drawn."),
    _option(
        "--opponents",
        metavar="WHO",
        default="",
        help="bundled, none, or REF,...: who else plays. Default: bundled, unless two or more are named.",
    ),
    _option(
        "--opening",
        metavar="HOW",
        default="",
        help="none, or random:K turns before the first question. Default: the game's own.",
    ),
    _option("--pairing", metavar="NAME", default="round-robin", show_default=True, help="Who meets whom."),
    _option(
        "--rater",
        metavar="NAME",
        help="trueskill, elo, mean ... Default: trueskill by places, mean where scores count.",
    ),
)
_limit_options = _options(
    _option(
        "--turn-s",
        type=float,
        default=2.0,
        show_default=True,
        metavar="SECONDS",
        help="Wall seconds a turn; 0: no limit.",
    ),
    _option(
        "--start-s",
        type=float,
        default=10.0,
        show_default=True,
        metavar="SECONDS",
        help="Wall seconds to start; 0: no limit.",
    ),
    _option(
        "--match-s",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="Wall seconds a match, all turns together; 0 (default): no limit.",
    ),
    _option(
        "--memory-mib",
        type=int,
        default=512,
        show_default=True,
        metavar="MIB",
        help="Memory of one agent; 0: no limit.",
    ),
    _option(
        "--sandbox",
        type=click.Choice(["auto", "none"]),
        default="auto",
        show_default=True,
        help="How agents from outside are contained; this version knows none.",
    ),
)
_choice_options = _options(
    _option(
        "-k", "select", metavar="EXPR", default="", help="Only matches whose id holds these words: 'hex and mybot'."
    ),
    _option("--deselect", multiple=True, metavar="ID", help="Leave out matches whose id begins so."),
    _option(
        "--lf",
        "--last-failed",
        "last_failed",
        is_flag=True,
        help="Only the matches with a fault or void in the last run, same seeds.",
    ),
    _option("--ff", "--failed-first", "failed_first", is_flag=True, help="Those first, then the rest."),
    _option(
        "--resume",
        is_flag=False,
        flag_value=_RESUME_LATEST,
        metavar="[RUN]",
        help="Continue a run, the latest by default; everything but --workers and output comes from it.",
    ),
    _option("--dry-run", is_flag=True, help="Print the plan; play nothing, store nothing."),
    _option("--collect-only", is_flag=True, help="Print the id of every match; play nothing, store nothing."),
)
_end_options = _options(
    _option("-x", "--exitfirst", is_flag=True, help="End at the first fault or void, as Ctrl-C does."),
    _option(
        "--maxfail",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="End after so many faults and voids; 0 (default): never.",
    ),
    _option("--fail-under", type=float, metavar="PERCENT", help="Exit 1 when the first named agent scores less."),
    _option("--fail-on-fault", is_flag=True, help="Exit 1 when there was a fault."),
)
_output_options = _options(
    settings.format_option("table", "json", "csv"),
    _option("-v", "--verbose", count=True, help="A line a match, and the boards of the games."),
    _option("-q", "--quiet", count=True, help="The last line only."),
    _option(
        "-r",
        "kinds",
        default="a",
        metavar="CHARS",
        help="Faults in the summary: C crash, T timeout, I illegal, M memory, P protocol, V void, a all (default), N none.",
    ),
    _option(
        "--tb",
        type=click.Choice(["short", "long", "no"]),
        default="short",
        show_default=True,
        help="Tracebacks of agents in the summary: last line, whole, none.",
    ),
    _option("--durations", type=click.IntRange(min=0), default=0, metavar="N", help="The N slowest matches."),
    _option(
        "--color",
        type=click.Choice(["auto", "yes", "no"]),
        default="auto",
        show_default=True,
        help="Colours and a live display.",
    ),
)
_place_options = _options(
    settings.database_options,
    _option("--workers", type=int, metavar="N", help="Worker processes. Default: one a core."),
    settings.plugin_options,
    _option("-c", "config_file", metavar="FILE", help="Settings from this file instead of evalengine.toml or pyproject.toml."),
    _option("--rootdir", type=click.Path(file_okay=False, exists=True, path_type=Path), help="Where to look for settings. Default: this folder."),
    _option("-o", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting of the file."),
)  # fmt: skip


@click.command("run")
@click.argument("agents", nargs=-1, metavar="[AGENT]...")
@_options(_plan_options, _limit_options, _choice_options, _end_options, _output_options, _place_options)
@click.pass_context
def command(context: click.Context, /, **given: Any) -> int:
    """Play matches between agents and print the standings.

    AGENT: a bundled name (random, "mcts(simulations=200)"), a file (bot.py, bot.py:Class), a folder or zip with agent.py or main.py,
    'cmd:PROGRAM ARGS' for a program in any language, or NAME=REF for any of these.

    \b
    evalengine run --games strategy -n 500
    evalengine run mybot.py --games "connect4 or hex(size=7)" -n 200
    evalengine run a=old.py b=new.py --games tictactoe --rounds 50
    """
    file = settings.find_file(given["rootdir"] or Path.cwd(), given["config_file"])
    options = _with_file(context, given, file)
    _check(options, context)
    plugs = settings.load_plugins(options["wanted"])
    if options["resume"]:
        return _resume(options, plugs, file)
    wish = _settings(options)
    if options["dry_run"] or options["collect_only"]:
        return _preview(options, wish, plugs)
    with Store(options["db"]) as store:
        wish = _after_failures(wish, options, store)
        run = runner.begin(wish, store, plugs, "evalengine run", "none")
        return _play(run, store, options, plugs, file)


def _with_file(context: click.Context, given: Mapping[str, Any], file: Path | None) -> dict[str, Any]:
    """Return the options: as typed, else from -o, else from the file, else the defaults."""
    defaults = settings.read_file(file, context.command) if file is not None else {}
    defaults |= settings.read_pairs(given["overrides"], context.command)
    options = dict(given)
    parameters = {parameter.name: parameter for parameter in context.command.params}
    for name, value in defaults.items():
        if context.get_parameter_source(name) == click.core.ParameterSource.DEFAULT:
            options[name] = parameters[name].type_cast_value(context, value)
    return options


def _check(options: Mapping[str, Any], context: click.Context) -> None:
    runner.check_numbers(options["matches"], options["rounds"], options["workers"], options["seed"])
    for name in ("turn_s", "start_s", "match_s", "memory_mib"):
        value = options[name]
        if not 0 <= value < 1e9:  # noqa: PLR2004 - also refuses nan
            msg = f"--{name.replace('_', '-')} must be 0 (no limit) or more, not {value}"
            raise UsageError(msg)
    typed = [
        name for name in _FIXED_BY_A_RUN if context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE
    ]
    if options["resume"] and typed:
        msg = f"--resume takes {', '.join(typed)} from the stored run: leave it out"
        raise UsageError(msg)
    if not options["resume"] and not options["games"] and not (options["last_failed"] or options["failed_first"]):
        msg = "which games? --games EXPR, for example --games strategy; see: evalengine games"
        raise UsageError(msg)
    if options["last_failed"] and options["failed_first"]:
        msg = "--lf and --ff exclude each other: give one"
        raise UsageError(msg)


def _settings(options: Mapping[str, Any]) -> Settings:
    limits = Limits(
        turn_s=options["turn_s"] or None,
        start_s=options["start_s"] or None,
        match_s=options["match_s"] or None,
        memory_mib=options["memory_mib"] or None,
    )
    return Settings(
        games=options["games"] or "",
        agents=tuple(options["agents"]),
        opponents=options["opponents"],
        matches=options["matches"],
        rounds=options["rounds"],
        seed=seeding.fresh_seed() if options["seed"] is None else options["seed"],
        rater=options["rater"],
        pairing=options["pairing"],
        opening=options["opening"],
        limits=limits,
        select=options["select"],
        deselect=tuple(options["deselect"]),
    )


def _after_failures(wish: Settings, options: Mapping[str, Any], store: Store) -> Settings:
    """Return the last run's settings for --lf and --ff, its agents read anew; else `wish`."""
    if not (options["last_failed"] or options["failed_first"]):
        return wish
    last = store.latest_run()
    before = runner.settings_of(store, last)
    if options["agents"] or options["games"]:
        before = replace(before, agents=wish.agents or before.agents, games=wish.games or before.games)
    failed = runner.failed_matches(store, last)
    if not failed:
        click.echo(f"run {last} had no fault and no void: all its matches are played again", err=True)
        return before
    return replace(before, failed_of=last) if options["last_failed"] else replace(before, first_of=last)


def _preview(options: Mapping[str, Any], wish: Settings, plugs: Plugins) -> int:
    for line in runner.preview(wish, plugs, ids=options["collect_only"]):
        click.echo(line)
    return ExitCode.OK


def _resume(options: Mapping[str, Any], plugs: Plugins, file: Path | None) -> int:
    with settings.open_store(options["db"]) as store:
        named = options["resume"]
        if named != _RESUME_LATEST and not named.isdecimal():
            msg = f"--resume {named}: a run is a number; leave it out for the latest"
            raise UsageError(msg)
        number = store.latest_run() if named == _RESUME_LATEST else int(named)
        run = runner.reopen(store, number, plugs)
        runner.check_resumable(run, plugs, store.agents_folder)
        return _play(run, store, options, plugs, file)


def _play(run: Run, store: Store, options: Mapping[str, Any], plugs: Plugins, file: Path | None) -> int:
    display = progress.make(options, plugs, file)
    max_failed = 1 if options["exitfirst"] else options["maxfail"]
    with display:
        runner.play(
            run,
            store,
            plugs,
            workers=options["workers"] or runner.default_workers(),
            listener=display,
            max_failed=max_failed,
        )
    report.print_run(run, store, options, plugs)
    return _exit_code(run, options)


def _exit_code(run: Run, options: Mapping[str, Any]) -> int:
    if run.state != "done":
        return ExitCode.INTERRUPTED
    failed = run.voids > 0 or (options["fail_on_fault"] and run.faults.total() > 0)
    if options["fail_under"] is not None:
        first = run.entry.agents[0].name
        line = next(line for line in run.standings if line.agent == first)
        if 100 * line.score < options["fail_under"]:
            click.echo(f"FAILED {first} scored {100 * line.score:.1f}%, less than {options['fail_under']:g}%", err=True)
            failed = True
    return ExitCode.FAILED if failed else ExitCode.OK
