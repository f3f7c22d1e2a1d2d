"""What a run prints at its end: standings, faults, the slowest matches, the last line."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from evalengine import planning, references
from evalengine.cli.progress import LETTERS
from evalengine.cli.text import note, one_line, out, rule, table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from evalengine.contracts import Reporter
    from evalengine.plugins import Plugins
    from evalengine.runs import Run
    from evalengine.store import Store

_MOST_FAULTS = 20  # a line each; more are told a line an agent
_MOST_AGENTS = 200


def reporter(name: str, plugs: Plugins) -> Reporter:
    """Return a reporter by its name.

    Raises:
        UnknownNameError: there is none of this name.
    """
    spec = references.find("reporter", name, plugs.listed("reporters"), "evalengine plugins")
    made: Reporter = references.imported(spec.factory, f"reporter {name!r}")()
    return made


def print_run(run: Run, store: Store, options: Mapping[str, Any], plugs: Plugins) -> None:
    """Print the end of a run to stdout."""
    made = reporter(options["form"], plugs)
    if options["form"] != "table":
        out(made.standings(run.summary(), run.standings))
        if not options["quiet"]:
            for line in by_agent(run, _wanted(options["kinds"])):
                note(line)
            for line in stopping_line(run):
                note(line)
        return
    if not options["quiet"]:
        _print_boards(run, made, verbose=bool(options["verbose"]))
        for line in [
            *_faults(run, store, options),
            *_slowest(run, store, options["durations"]),
        ]:
            out(line)
    for line in stopping_line(run):
        out(line)
    out(rule(last_line(run)))
    if not options["quiet"] and run.complete and run.played:
        out(f"show one: evalengine show {shlex.quote(_example(run, store))}{db_option(run)}")


def _print_boards(run: Run, made: Reporter, *, verbose: bool) -> None:
    main = run.boards.boards[0]
    apart = [board for board in run.boards.boards[1:] if verbose or not set(board.games) & set(main.games)]
    for board in [main, *apart]:
        out(board_title("standings", board))
        out(made.standings({}, run.boards.standings(board)))
        for line in anchors_line(board):
            out(line)


def board_title(title: str, board: Any) -> str:
    """Return the rule above a board."""
    return rule(f"{title}{': ' * bool(board.scope)}{board.scope} (by {board.rater_name})")


def anchors_line(board: Any) -> list[str]:
    """Return the line on ratings that are held fixed; none where none is."""
    held = board.options.get("anchors", {})
    return [f"held fixed: {', '.join(f'{name} at {rating:g}' for name, rating in held.items())}"] if held else []


def last_line(run: Run) -> str:
    """Return the summary that -q prints alone."""
    faults = run.faulted
    told = [f"{run.played - run.unused - run.voids} finished"]
    if faults:
        told.append(f"{faults} with a fault")
    if run.voids:
        told.append(f"{run.voids} void")
    if run.unused:
        told.append(f"{run.unused} more unused")
    speed = run.played / run.seconds if run.seconds else 0.0
    return f"{', '.join(told)}, in {run.seconds:.1f} s ({speed:.1f} matches/s)"


def stopping_line(run: Run) -> list[str]:
    """Return the line on what stopped the run, or that nothing did; none when nothing should."""
    return [] if run.stopping is None else [run.stopping.line()]


def stopped_line(run: Run) -> str:
    """Return what to do about a run that is not finished."""
    left = f" of {run.total}" if run.total else ""
    return f"run {run.number} stopped with {run.played}{left} matches stored. Continue: {resume_command(run)}"


def rerated_line(run: Run, *, stored: bool) -> list[str]:
    """Return the line on stored ratings that are of no use; `stored`: those that were made anew are stored, too."""
    if not run.rerated:
        return []
    keep = "" if stored else f"; to store that: evalengine rate {run.number} --rebuild{db_option(run)}"
    return [f"note: run {run.number}: {run.rerated}: all its results were rated anew{keep}"]


def resume_command(run: Run) -> str:
    """Return the command that continues a run; what to know instead of a live match."""
    if run.kind == "live":
        return "it goes on where live matches are served"
    return f"evalengine {run.kind} --resume {run.number}{db_option(run)}"


def db_option(run: Run) -> str:
    """Return " --db FILE" where it must be named."""
    return run.db_option


def match_name(run: Run, store: Store, match_no: int) -> str:
    """Return the id of a stored match."""
    row = store.match(run.number, match_no)
    assert row is not None
    names = [run.entry.agents[seat["agent_no"]].name for seat in store.seats(run.number, match_no)]
    return planning.match_name(run.entry.games[row["game_no"]].ref, names, match_no)


def _wanted(kinds: str) -> list[str]:
    """Return the kinds of fault that -r asks for."""
    return [kind for kind, sign in LETTERS.items() if ("a" in kinds or sign in kinds) and "N" not in kinds]


def _faults(run: Run, store: Store, options: Mapping[str, Any]) -> Iterator[str]:
    """Yield what went wrong: a line a fault where they are few, else a line an agent and kind."""
    wanted = _wanted(options["kinds"])
    total = sum(run.voids if kind == "void" else run.faults[kind] for kind in wanted)
    if total > _MOST_FAULTS:
        yield from by_agent(run, wanted)
    if total and (total <= _MOST_FAULTS or options["verbose"] or options["tb"] == "long"):
        yield rule("short fault summary")
        for row in store.first_faults(run.number, wanted, _MOST_FAULTS):
            yield from _fault_lines(run, store, row, options["tb"])
    if total > _MOST_FAULTS:
        yield f"all {total}: select * from v_faults where run = {run.number}"  # noqa: S608 - a hint, never run
    if run.faults["timeout"]:
        yield "a time limit was hit: on another machine, or a busier one, standings may differ"


def by_agent(run: Run, wanted: Collection[str]) -> Iterator[str]:
    """Yield a line for each agent and kind of fault, with the first of them; nothing when there is none."""
    lines = [line for line in run.agent_faults() if line.kind in wanted]
    if not lines:
        return
    played = run.matches_by_agent()
    yield rule("faults by agent")
    rows = [
        [
            line.agent or "(nobody)",
            line.kind,
            f"{line.matches} of {played.get(line.agent, line.matches)}",
            str(line.first_no),
            one_line(line.detail),
        ]
        for line in lines[:_MOST_AGENTS]
    ]
    yield table(["agent", "fault", "matches", "first", "its reason"], rows)
    if len(lines) > _MOST_AGENTS:
        yield f"... and {len(lines) - _MOST_AGENTS} more lines: --format json has all"
    yield f"why, of one of them: evalengine show {lines[0].agent or lines[0].first_no}{db_option(run)}"


def _fault_lines(run: Run, store: Store, row: Mapping[str, Any], style: str) -> Iterator[str]:
    head = f"{row['kind'].upper():<8} {match_name(run, store, row['match_no'])}  turn {row['turn']}"
    if row["seat"] is not None:
        seats = store.seats(run.number, row["match_no"])
        head += f"  {run.entry.agents[seats[row['seat']]['agent_no']].name}"
    yield head if style == "no" else f"{head}: {one_line(row['detail'])}"
    if style == "long" and row["traceback"]:
        yield row["traceback"].rstrip()


def _slowest(run: Run, store: Store, count: int) -> Iterator[str]:
    if count:
        yield rule(f"slowest {count} matches")
        for match_no, seconds in store.longest(run.number, "seconds", count):
            yield f"{seconds:8.3f} s  {match_name(run, store, match_no)}"


def _example(run: Run, store: Store) -> str:
    """Return the id of a match worth looking at: with a fault where there is one."""
    faults = store.first_faults(run.number, list(LETTERS), 1)
    match_no = faults[0]["match_no"] if faults else store.longest(run.number, "turns", 1)[0][0]
    return match_name(run, store, match_no)
