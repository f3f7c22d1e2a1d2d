"""`evalengine run`: play matches between agents and print the standings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from evalengine.cli import limit_options, settings
from evalengine.errors import ExitCode, StorageError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from evalengine.launcher import Launcher
    from evalengine.planning import Settings
    from evalengine.plugins import Plugins
    from evalengine.runs import Run
    from evalengine.store import Store

_RESUME_LATEST = "latest"
_PLAN = ("agents", "games", "matches", "rounds", "seed", "pairing", "opening", "opponents", "sprt", "until")
_LIMITS = limit_options.LIMITS
_FIXED_BY_A_RUN = (
    *_PLAN, *_LIMITS, "broken", "rater", "anchors", "sandbox", "isolation", "bind", "select", "deselect", "last_failed",
    "failed_first", "add", "dry_run", "collect_only",
)  # fmt: skip
_MOST_PERCENT = 1e9
_KINDS = "CTIMPFSVaAN"
_EXAMPLES = """\b
Examples:
  evalengine run --games strategy -n 500
  evalengine run mybot.py --games "connect4 or hex(size=7)" -n 200
  evalengine run a=old.py b=new.py --games tictactoe --rounds 50
  evalengine run new=new.py old=old.py --games tictactoe --sprt elo0=0,elo1=20
  evalengine run "uci:stockfish?nodes=200" "cmd:./mine --deep" --games chess
"""
_FOLDER = click.Path(file_okay=False, exists=True)


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
    _option(
        "-n",
        "matches",
        type=click.IntRange(1, 1 << 40),
        metavar="N",
        help="Matches in all; exactly so many are played.",
    ),
    _option(
        "--rounds",
        type=click.IntRange(1, 1 << 20),
        metavar="R",
        help="Whole rotations (all seat orders) of every cell, instead of -n.",
    ),
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
    _option(
        "--broken",
        type=click.Choice(["forfeit", "refuse"]),
        help="Agents that cannot be played (no Python, a broken zip): they lose each match, or nothing is played. "
        "Default: forfeit, where two others are named.",
    ),
    _option(
        "--pairing",
        metavar="NAME",
        default="round-robin",
        show_default=True,
        help="Who meets whom: NAME or NAME(option=value).",
    ),
    _option(
        "--rater",
        metavar="NAME",
        help="bt, trueskill, elo ... Default: a fit with intervals by places, mean where scores count.",
    ),
    _option(
        "--anchor",
        "anchors",
        multiple=True,
        metavar="AGENT=RATING",
        help="Hold an agent's rating there, on the scale of the run's rater; may be given again.",
    ),
)
_stopping_options = _options(
    _option(
        "--sprt",
        metavar="elo0=0,elo1=E,...",
        default="",
        help="End when the first of two agents is shown to be stronger than the other by elo1, or by no more than "
        "elo0: normalized Elo; also alpha=.05,beta=.05,model=normalized|logistic|bayesian. -n is the most, by default "
        "a million.",
    ),
    _option(
        "--until",
        metavar="top=K|separated,...",
        default="",
        help="End when the best K agents are settled, or every neighbour is separated (also margin=ELO,alpha=.05); "
        "beats: when the first of two is shown to score more than half against the other, or not more (also "
        "score=.6,alpha=.05). -n is the most, by default a million.",
    ),
)
_sandbox_option = _option(
    "--sandbox",
    metavar="NAME",
    default="auto",
    show_default=True,
    help="What contains agents from outside: auto (the strongest that works), namespaces, landlock, none.",
)
_isolation_option = _option(
    "--isolation",
    type=click.Choice(["match", "run"]),
    default="match",
    show_default=True,
    help="A fresh process of each agent for every match, or one that is kept and plays many at the same time.",
)
_bind_option = _option(
    "--bind",
    multiple=True,
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, resolve_path=True),
    help="A folder that contained agents may read.",
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
    _option(
        "--add",
        multiple=True,
        metavar="AGENT",
        help="A new run of the last one's agents and this one: results are taken from there, only its own matches are "
        "played.",
    ),
    _option("--ff", "--failed-first", "failed_first", is_flag=True, help="Those first, then the rest."),
    _option(
        "--resume",
        is_flag=False,
        flag_value=_RESUME_LATEST,
        metavar="[RUN]",
        help="Continue a run, the latest by default; everything but --workers, --concurrency and output comes from it.",
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
    _option(
        "--fail-under",
        type=float,
        metavar="PERCENT",
        help="Exit 1 when the first named agent scores less; where scores count, its mean score.",
    ),
    _option("--fail-on-fault", is_flag=True, help="Exit 1 when there was a fault."),
)
_output_options = _options(
    settings.board_format_option,
    _option("-v", "--verbose", count=True, help="A line a match, and the boards of the games."),
    _option("-q", "--quiet", count=True, help="The last line only."),
    _option(
        "-r",
        "kinds",
        default="a",
        metavar="CHARS",
        help="Faults in the summary: C crash, T timeout, I illegal, M memory, P protocol, F processes, S disk, V void, "
        "a all, N none.",
    ),
    _option(
        "--tb",
        type=click.Choice(["short", "long", "no"]),
        default="short",
        show_default=True,
        help="Faults in the summary: one line, the agent's traceback below it, or the match only.",
    ),
    _option("--junit-xml", metavar="PATH", help="Write the run as JUnit's XML there: a match a test case."),
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
    _option("--workers", type=click.IntRange(1, 1024), metavar="N", help="Worker processes. Default: one a core."),
    _option(
        "--concurrency",
        type=click.IntRange(1, 1024),
        metavar="N",
        help="Matches at once in each worker that wait for a network (http: and llm: agents). Default: 32.",
    ),
    settings.plugin_options,
    _option("-c", "config_file", metavar="FILE", help="Settings from here; not evalengine.toml or pyproject.toml."),
    _option("--rootdir", type=_FOLDER, metavar="DIR", help="Where to look for settings. Default: this folder."),
    _option("-o", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting of the file."),
)  # fmt: skip


@click.command("run", cls=settings.Command, epilog=_EXAMPLES)
@click.argument("agents", nargs=-1, metavar="[AGENT]...")
@_options(
    _plan_options,
    _stopping_options,
    limit_options.limit_options,
    _sandbox_option,
    _isolation_option,
    _bind_option,
    _choice_options,
    _end_options,
    _output_options,
    _place_options,
)
@click.pass_obj
def command(source: settings.Source, /, **options: Any) -> int:
    """Play matches between agents and print the standings.

    AGENT: a bundled name (random, "mcts(simulations=200)"), a file (bot.py, bot.py:Class), a folder or zip with
    agent.py or main.py, 'cmd:PROGRAM ARGS' for a program in any language, http://... for a web endpoint,
    'llm:MODEL@BASE_URL' for a language model, or NAME=REF for any of these.
    """
    _check(options, source.typed)
    if options["junit_xml"]:
        from evalengine.exports import files

        files.check(options["junit_xml"])
    if options["dry_run"] or options["collect_only"]:
        return _preview(options, source)
    from evalengine.launcher import Launcher

    with Launcher() as launcher:  # first of all: it gets ready while the plan is made
        return _resume(options, source, launcher) if options["resume"] else _begin(options, source, launcher)


# ------------------------------------------------------------------------------------- parsing


def _check(options: Mapping[str, Any], typed: Collection[str]) -> None:
    from evalengine import runner

    again = options["last_failed"] or options["failed_first"] or options["add"]
    runner.check_numbers(options["matches"], options["rounds"], options["workers"], options["seed"])
    _check_values(options)
    if options["resume"]:
        _check_resume(options["resume"], typed)
    elif not options["games"] and not again:
        _refuse("which games? --games EXPR, for example --games strategy; see: evalengine games")
    elif options["fail_under"] is not None and not options["agents"] and not again:
        _refuse("--fail-under is about the first agent that is named: name one")
    if options["add"] and (options["last_failed"] or options["failed_first"]):
        _refuse("--add excludes --lf and --ff: give one")
    if options["last_failed"] and options["failed_first"]:
        _refuse("--lf and --ff exclude each other: give one")
    if options["dry_run"] and options["collect_only"]:
        _refuse("--dry-run and --collect-only exclude each other: give one")


def _check_values(options: Mapping[str, Any]) -> None:
    from evalengine import limits

    limits.check(limit_options.limits_of(options), _dashed)
    under = options["fail_under"]
    if under is not None and not abs(under) < _MOST_PERCENT:
        _refuse(f"--fail-under must be a number, not {under}")
    if wrong := [sign for sign in options["kinds"] if sign not in _KINDS]:
        _refuse(f"-r {options['kinds']}: {wrong[0]!r} is none of {', '.join(_KINDS)}; see evalengine run --help")


def _check_resume(named: str, typed: Collection[str]) -> None:
    if named != _RESUME_LATEST and not (named.isdecimal() and int(named)):
        _refuse(f"--resume {named}: a run is a number from 1; leave it out for the latest")
    dotted = sorted(name for name in typed if "." in name)
    if wrong := [_dashed(name) for name in _FIXED_BY_A_RUN if name in typed] + dotted:
        otherwise = {"rater", "anchors"} & set(typed)
        hint = ". To rate it otherwise: evalengine rate --rebuild --rater NAME" if otherwise else ""
        _refuse(
            f"--resume takes {', '.join(wrong)} from the stored run: leave it out (of EVALENGINE_ADDOPTS too){hint}"
        )


def _refuse(text: str) -> None:
    raise UsageError(text)


def _dashed(name: str) -> str:
    """Return a parameter as a person writes it."""
    written: Mapping[str, str] = {parameter.name or "": parameter.opts[0] for parameter in command.params}
    return "AGENT" if name == "agents" else written[name]


def _settings(options: Mapping[str, Any], source: settings.Source) -> Settings:
    from evalengine import evidence, seeding
    from evalengine.planning import Settings

    return Settings(
        games=options["games"] or "",
        agents=tuple(options["agents"]),
        opponents=options["opponents"],
        matches=options["matches"],
        rounds=options["rounds"],
        seed=seeding.fresh_seed() if options["seed"] is None else options["seed"],
        rater=options["rater"],
        anchors=evidence.parse_anchors(options["anchors"]),
        pairing=options["pairing"],
        sprt=options["sprt"],
        until=options["until"],
        opening=options["opening"],
        limits=limit_options.limits_of(options),
        agent_limits=limit_options.own_of(source.limits),
        absent_ok=source.absent_ok,
        sandbox=options["sandbox"],
        isolation=options["isolation"],
        bind=tuple(options["bind"]),
        broken=options["broken"] or "",
        select=options["select"],
        deselect=tuple(options["deselect"]),
    )


def _again(options: Mapping[str, Any], source: settings.Source) -> Settings:
    """Return the last run's settings for --lf and --ff; what leaves its plan alone may be given anew.

    Raises:
        UsageError: an option that was given would make another plan.
    """
    from dataclasses import replace

    from evalengine import entry, runs

    wish = _settings(options, source)
    with settings.open_store(options["db"]) as store:
        last = store.latest_run()
        before, failed = runs.settings_of(store, last), entry.failed_matches(store, last)
    for name in _PLAN:
        if name in source.typed and getattr(wish, name) != getattr(before, name):
            was = getattr(before, name)
            _refuse(
                f"--lf and --ff play run {last} again, whose {_dashed(name)} was {was!r}: leave it out, or name that"
            )
    anew: dict[str, Any] = {
        name: getattr(wish, name)
        for name in ("broken", "rater", "anchors", "sandbox", "isolation", "bind", "select", "deselect")
        if name in source.typed
    }
    limits = before.limits._replace(
        **{name: limit_options.limit_of(options[name]) for name in _LIMITS if name in source.typed}
    )
    own = {name: dict(before.agent_limits.get(name, {})) | dict(more) for name, more in wish.agent_limits.items()}
    anew |= {"agent_limits": {**before.agent_limits, **own}, "absent_ok": (*before.absent_ok, *wish.absent_ok)}
    wish = replace(before, limits=limits, failed_of=None, first_of=None, **anew)
    if not failed:
        from evalengine.cli import text

        text.note(f"note: run {last} had no fault and no void: all its matches are played again")
        return wish
    if options["last_failed"]:  # some matches of a plan decide nothing
        return replace(wish, failed_of=last, sprt="", until="")
    return replace(wish, first_of=last)


# --------------------------------------------------------------------------------------- doing


def _plugins(options: Mapping[str, Any]) -> Plugins:
    from evalengine.cli import report

    plugs = settings.load_plugins(options["wanted"], options["rootdir"])
    report.reporter(options["form"], plugs)  # a wrong name is told before the run, not after it
    return plugs


def _adding(options: Mapping[str, Any], source: settings.Source) -> Settings:
    """Return the last run's settings for --add, with its agent.

    Raises:
        UsageError: an option that was given would make another plan.
    """
    from dataclasses import replace

    from evalengine import evidence, runs

    fixed = (*_PLAN, *_LIMITS, "rater", "sandbox", "isolation", "bind", "select", "deselect", "broken")
    typed: tuple[str, ...] = options["agents"] if "agents" in source.typed else ()
    added: tuple[str, ...] = options["add"]
    newcomer, more = added[0], (*added[1:], *typed)
    if more:
        _refuse(
            f"--add takes one agent, not {', '.join([newcomer, *more])}: add one, and then the next to what came of it"
        )
    if wrong := [_dashed(name) for name in fixed if name in source.typed]:
        _refuse(f"--add takes {', '.join(wrong)} from the last run: leave it out, or begin a run without --add")
    with settings.open_store(options["db"]) as store:
        last = store.latest_run()
        before = runs.settings_of(store, last)
    if not before.agents:
        _refuse(f"--add: run {last} names no agents; name two of them and run that")
    anchors = evidence.parse_anchors(options["anchors"]) if "anchors" in source.typed else {}
    # As many opponents as before: the newcomer is none of those who decided whether there are any.
    opponents = before.opponents or ("bundled" if len(before.agents) == 1 else "none")
    return replace(
        before, agents=(*before.agents, newcomer), opponents=opponents, added_to=last, select="", deselect=(),
        failed_of=None, first_of=None, anchors={**before.anchors, **anchors},
    )  # fmt: skip


def _wish(options: Mapping[str, Any], source: settings.Source) -> Settings:
    if options["add"]:
        return _adding(options, source)
    again = options["last_failed"] or options["failed_first"]
    return _again(options, source) if again else _settings(options, source)


def _begin(options: Mapping[str, Any], source: settings.Source, launcher: Launcher) -> int:
    from evalengine import runs

    plugs, wish = _plugins(options), _wish(options, source)
    if not os.path.exists(options["db"]):  # noqa: PTH110 - pathlib is slow to import
        runs.check(wish, plugs)
    with settings.open_store(options["db"], create=True) as store:
        run = runs.begin(wish, store, plugs, "evalengine run")
        return _play(run, store, options, plugs, source.file, launcher)


def _preview(options: Mapping[str, Any], source: settings.Source) -> int:
    from contextlib import nullcontext

    from evalengine import runs
    from evalengine.cli import text

    plugs, wish = _plugins(options), _wish(options, source)
    with settings.open_store(options["db"]) if wish.failed_of or wish.added_to else nullcontext() as store:
        lines = runs.preview(wish, plugs, ids=options["collect_only"], store=store)
        if options["form"] == "json":
            import json

            text.out(json.dumps(list(lines), indent=2))
        else:
            for line in lines:
                text.out(line)
    return ExitCode.OK


def _resume(options: Mapping[str, Any], source: settings.Source, launcher: Launcher) -> int:
    from evalengine import runs
    from evalengine.cli import report, text

    plugs = _plugins(options)
    with settings.open_store(options["db"]) as store:
        named = options["resume"]
        number = store.latest_run() if named == _RESUME_LATEST else int(named)
        run = runs.reopen(store, number, plugs)
        runs.check_resumable(run, plugs, store.agents_folder)
        for line in report.rerated_line(run, stored=True):
            text.note(line)
        return _play(run, store, options, plugs, source.file, launcher)


def _play(  # noqa: PLR0917 - what a run is played with
    run: Run, store: Store, options: Mapping[str, Any], plugs: Plugins, file: Path | None, launcher: Launcher
) -> int:
    from contextlib import suppress

    from evalengine import playing, runner
    from evalengine.cli import progress, report, text

    workers = options["workers"] or runner.default_workers()
    max_failed = 1 if options["exitfirst"] else options["maxfail"]
    try:
        with progress.make(options, plugs, file) as display:
            playing.play(
                run,
                store,
                plugs,
                workers=workers,
                concurrency=options["concurrency"],
                listener=display,
                max_failed=max_failed,
                launcher=launcher,
            )
    except StorageError:
        text.note(report.stopped_line(run))
        raise
    code = _exit_code(run, options)
    if options["junit_xml"]:
        from evalengine.exports.exporting import junit

        junit(options["junit_xml"], run.number, store, plugs)
    with suppress(BrokenPipeError):  # whoever reads has seen enough; the exit code says the rest
        report.print_run(run, store, options, plugs)
    if not run.complete:
        text.note(report.stopped_line(run))
    return code


def _exit_code(run: Run, options: Mapping[str, Any]) -> int:
    if not run.complete:
        return ExitCode.INTERRUPTED
    failed = run.voids > 0 or (options["fail_on_fault"] and run.faults.total() > 0)
    if options["fail_under"] is not None:
        failed |= _scored_less(run, options["fail_under"])
    return ExitCode.FAILED if failed else ExitCode.OK


def _scored_less(run: Run, least: float) -> bool:
    """Say whether the first named agent scored less than `least`, and tell."""
    from evalengine.cli import text

    first = run.entry.agents[0].name
    by_score = run.boards.boards[0].by_score
    line = next((line for line in run.standings if line.agent == first and line.matches), None)
    score = None if line is None else line.score * (1 if by_score else 100)
    if score is not None and score >= least:
        return False
    unit = "" if by_score else "%"
    told = "played no match that counts" if score is None else f"scored {score:.1f}{unit}, less than {least:g}{unit}"
    text.note(f"FAILED {first} {told}")
    return True
