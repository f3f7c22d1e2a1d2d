"""`evalengine play`: a person at the terminal takes a seat."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from evalengine.cli import limit_options, settings
from evalengine.errors import ExitCode, NothingToPlayError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine.cli.terminal import Terminal
    from evalengine.entry import Entry
    from evalengine.model import MatchSpec
    from evalengine.persons import Sitting
    from evalengine.planning import ChosenGame, Settings
    from evalengine.plugins import Plugins
    from evalengine.store import Store

_DEFAULTS = ("mcts", "random")  # who plays when nobody is named: the first that fits


@click.command("play", cls=settings.Command)
@click.argument("game", metavar="GAME")
@click.option(
    "--against",
    multiple=True,
    metavar="AGENT",
    help="Who else plays, as evalengine run takes it, once for each other side; human: another person here. Default: "
    "mcts, or random where that does not fit.",
)
@click.option("--seat", type=click.IntRange(min=0), default=0, show_default=True, metavar="K", help="Yours, from 0.")
@click.option("--seed", type=int, metavar="S", help="63 bits that all luck follows from. Default: drawn.")
@click.option(
    "--opening",
    metavar="HOW",
    default="none",
    show_default=True,
    help="none, or random:K turns before the first question.",
)
@limit_options.limit_options
@click.option(
    "--sandbox",
    metavar="NAME",
    default="auto",
    show_default=True,
    help="What contains agents from outside: auto (the strongest that works), namespaces, landlock, none.",
)
@click.option(
    "--color",
    type=click.Choice(["auto", "yes", "no"]),
    default="auto",
    show_default=True,
    help="Colours; auto: on a terminal.",
)
@settings.database_options
@settings.plugin_options
def command(**options: Any) -> int:
    """Play a game at the terminal, against any agent; the match is stored as any other.

    GAME: a name, NAME(key=value), or the path of a plugin. Agents answer under their limits, you have none. Type help
    for what can be typed beside actions.
    """
    from evalengine import limits, runner

    runner.check_numbers(None, None, None, options["seed"])
    limits.check(limit_options.limits_of(options), lambda name: "--" + name.replace("_", "-"))
    plugs = settings.load_plugins(options["wanted"])
    with settings.open_store(options["db"], create=True) as store:
        return _play(options, plugs, store)


def _play(options: Mapping[str, Any], plugs: Plugins, store: Store) -> int:
    from evalengine import playing, runs
    from evalengine.cli.terminal import Terminal
    from evalengine.persons import Left, Sitting, is_person

    game = _game(options["game"], plugs)
    entry, _sizes = runs.prepared(_settings(options, game, plugs), store, plugs)
    spec = _spec(entry, options["seat"], plugs)
    agents = [entry.agents[number] for number in spec.agents]
    own = [seat for seat, agent in enumerate(agents) if is_person(agent)]
    _check_persons(game, own)
    names = [agent.name for agent in agents]
    terminal = Terminal(game.game, names, own, color=_colored(options["color"]))
    sitting = Sitting(playing.orders(entry, store, plugs), terminal.decide)
    terminal.can_undo = sitting.can_undo
    terminal.say(_head(entry, names, own), bold=True)
    for agent in entry.agents:
        if agent.note:
            terminal.say(f"note: {agent.name}: {agent.note}")
    try:
        return _store(entry, spec, sitting, terminal, store, plugs)
    except (Left, KeyboardInterrupt):
        terminal.say("\nyou left before the end: the match was not saved")
        return ExitCode.INTERRUPTED
    finally:
        sitting.close()


def _store(  # noqa: PLR0917 - all that there is of a match
    entry: Entry, spec: MatchSpec, sitting: Sitting, terminal: Terminal, store: Store, plugs: Plugins
) -> int:
    """Play the match, store it, and tell how it ended."""
    import shlex

    from evalengine import playing, runs
    from evalengine.cli.report import db_option

    played = sitting.sit_down(spec)
    run = runs.begin_entry(entry, {0: 1}, store, plugs, "evalengine play")
    playing.record(run, store, plugs, [spec], [played])
    name = shlex.quote(f"{run.number}/{entry.name_of(spec)}")
    if played.error:
        terminal.say(f"the match is void: {played.error.splitlines()[0]}", fg="red")
        terminal.say(f"why: evalengine show {name}{db_option(run)}")
        return ExitCode.FAILED
    assert sitting.match is not None
    terminal.ended(sitting.match)
    terminal.say(f"saved: evalengine replay {name}{db_option(run)}")
    return ExitCode.OK


# ----------------------------------------------------------------------------------- what to play


def _game(ref: str, plugs: Plugins) -> ChosenGame:
    from evalengine import planning

    games = planning.choose_games(ref, plugs)
    if len(games) > 1:
        told = ", ".join(game.ref for game in games[:5])
        msg = f"{ref!r} are {len(games)} games ({told} ...): name one to play"
        raise UsageError(msg)
    return games[0]


def _settings(options: Mapping[str, Any], game: ChosenGame, plugs: Plugins) -> Settings:
    """Return the settings of a run of one match, the person who typed them being its last agent but for others."""
    from evalengine import persons, planning, seeding

    if options["seat"] >= game.seats:
        msg = f"--seat {options['seat']}: {game.ref} has seats 0 to {game.seats - 1}"
        raise UsageError(msg)
    others = _others(options["against"], game, plugs)
    people = 1 + others.count(persons.NAME)
    return planning.Settings(
        games=options["game"],
        agents=tuple(ref for ref in others if ref != persons.NAME),
        callables=tuple(map(persons.person, range(people))),
        opponents="none",
        matches=1,
        seed=seeding.fresh_seed() if options["seed"] is None else options["seed"],
        opening=options["opening"],
        limits=limit_options.limits_of(options),
        sandbox=options["sandbox"],
        broken="refuse",
    )


def _others(named: Sequence[str], game: ChosenGame, plugs: Plugins) -> list[str]:
    """Return the agents of the other sides, the last one as often as it takes, under names of their own."""
    from evalengine import persons, planning

    wanted = len(game.sides) - 1
    if len(named) > wanted:
        msg = (
            f"--against names {len(named)}, and {game.ref} has {wanted} other side{'s' * (wanted != 1)}: leave some out"
        )
        raise UsageError(msg)
    if not wanted:
        return []
    bundled = plugs.agents()
    if not named:
        fit = (ref for ref in _DEFAULTS if ref in bundled and planning.fits(bundled[ref], game))
        named = [next(fit, "random")]
    found, last = list(named), named[-1]
    for number in range(len(named), wanted):
        again = f"{planning.find_agent(last, plugs, bundled).name}-{number + 1}" if last != persons.NAME else ""
        found.append(f"{again}={planning.split_name(last)[1]}" if again else last)
    return found


def _spec(entry: Entry, seat: int, plugs: Plugins) -> MatchSpec:
    """Return the match: the plan's seed and opening, the person on the side of their seat, the others in order."""
    from evalengine.entry import planned
    from evalengine.persons import NAME

    planned_first = next(iter(planned(entry, plugs, 0) or ()), None)
    if planned_first is None:
        msg = "a plugin left the match out of the plan: nothing to play"
        raise NothingToPlayError(msg)
    sides = entry.games[0].sides
    mine = next(number for number, side in enumerate(sides) if seat in side)
    me = next(number for number, agent in enumerate(entry.agents) if agent.name == NAME)
    rest = [number for number in range(len(entry.agents)) if number != me]
    order = [*rest[:mine], me, *rest[mine:]]
    by_seat = {seat: order[number] for number, side in enumerate(sides) for seat in side}
    return planned_first._replace(agents=tuple(by_seat[seat] for seat in range(len(by_seat))))


def _check_persons(game: ChosenGame, own: Sequence[int]) -> None:
    """Refuse two persons at one terminal where one must not see what the other does.

    Raises:
        UsageError: it is such a game.
    """
    sides = [side for side in game.sides if set(side) & set(own)]
    if len(sides) > 1 and (game.spec.information == "hidden" or game.spec.dynamics == "simultaneous"):
        msg = f"in {game.ref} one person must not see what the other does: play it against agents"
        raise UsageError(msg)


def _head(entry: Entry, names: Sequence[str], own: Sequence[int]) -> str:
    seats = ", ".join(f"seat {seat}: {name}{' (you)' * (seat in own)}" for seat, name in enumerate(names))
    return f"{entry.games[0].ref}  {seats}; seed {entry.settings.seed}. Type help for help"


def _colored(wish: str) -> bool:
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM") in ("dumb", "unknown")
    return wish == "yes" or (wish == "auto" and sys.stdout.isatty() and not plain)
