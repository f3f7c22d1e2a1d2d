"""What is fixed of a run before its first match, and the matches that follow from it."""

from __future__ import annotations

import platform
import sys
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalengine import adding, exploring, limits, planning, references, sandboxes, stopping_rules
from evalengine.errors import AgentError, NothingToPlayError, UnknownNameError, UsageError
from evalengine.model import NOTHING_YET, Standings
from evalengine.stopping import Stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from evalengine.contracts import Pairing, Plan
    from evalengine.model import AgentSpec, MatchSpec
    from evalengine.planning import ChosenGame, Settings
    from evalengine.plugins import Plugins
    from evalengine.store import Store

_ISOLATIONS = ("match", "run")
_MODIFY_CHUNK = 1_000
_SHOWN = 10  # agents named in a message
_SHORT_SEED = 1 << 40  # below, whoever knows an opening finds the seed by trying


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """Everything that is fixed of a run before its first match."""

    settings: Settings
    games: tuple[ChosenGame, ...]
    agents: tuple[AgentSpec, ...]
    plan: Plan
    pairing: Pairing
    sandbox: str  # its name
    notes: tuple[str, ...]  # for the header
    versions: Mapping[str, Any]
    only: frozenset[int] | None = None  # --lf: the matches that it chose

    def name_of(self, spec: MatchSpec) -> str:
        """Return the id of a match."""
        names = [self.agents[agent].name for agent in spec.agents]
        return planning.match_name(self.games[spec.game_no].ref, names, spec.match_no)


def enter(settings: Settings, plugs: Plugins, store: Store | None, *, contain: bool = True) -> Entry:
    """Return what is fixed of a run, its agents not yet copied; unless `contain`, no sandbox is tried.

    Raises:
        UsageError: what was asked for cannot work; NothingToPlayError: nothing is left of it.
    """
    limits.check(settings.limits)
    asked, settings = settings, stopping_rules.capped(settings)
    if settings.isolation not in _ISOLATIONS:
        msg = f"isolation must be one of {', '.join(_ISOLATIONS)}, not {settings.isolation!r}"
        raise UsageError(msg)
    with redirect_stdout(sys.stderr):  # what games print must not mix with results
        games = planning.choose_games(settings.games, plugs)
        agents, opponents = _agents(settings, games, plugs, store)
        agents = limits.limited(agents, settings.limits, settings.agent_limits, settings.absent_ok)
        stops = stopping_of(settings, games, agents)
        _check_anchors(settings, agents)
        plan = planning.make_plan(settings, games, agents)
    pairing = pairing_of(settings, games, agents, plan, plugs, store)
    if settings.failed_of is not None and pairing.rounds() != 1:
        msg = (
            f"--lf plays matches of a plan again, but with pairing {settings.pairing!r} results make it: leave --lf out"
        )
        raise UsageError(msg)
    chosen = _sandbox(settings, agents, plugs) if contain else sandboxes.Chosen(sandboxes.NONE, "")
    notes = [*_notes(settings, agents, opponents, plan, pairing), *([f"sandbox: {chosen.line}"] if chosen.line else [])]
    if stops:
        notes.append(stops.goal() + f", or after {settings.matches} matches: no -n" * (settings is not asked))
    return Entry(
        settings=settings,
        games=tuple(games),
        agents=tuple(agents),
        plan=plan,
        pairing=pairing,
        sandbox=chosen.name,
        notes=tuple(notes),
        versions=versions_now(plugs),
        only=only_failed(settings, store),
    )


def _agents(
    settings: Settings, games: Sequence[ChosenGame], plugs: Plugins, store: Store | None
) -> tuple[list[AgentSpec], str]:
    """Return the agents of a run, and a line for the header when opponents were added.

    Raises:
        UnknownNameError, AgentError: a reference means nothing or cannot be used, or the newcomer's name is taken.
    """
    if settings.added_to is None or store is None:
        return planning.choose_agents(settings, games, plugs)
    *others, newcomer = settings.agents
    name = planning.find_agent(newcomer, plugs, plugs.agents()).name
    adding.check_newcomer(store, settings.added_to, name, newcomer)
    try:
        return planning.choose_agents(settings, games, plugs)
    except AgentError as error:
        where = f"--add looks for the agents of run {settings.added_to} anew, as it was told of them"
        msg = f"{where} ({', '.join(others[:_SHOWN])}): {error}"
        raise AgentError(msg) from None


def _check_anchors(settings: Settings, agents: Sequence[AgentSpec]) -> None:
    names = [agent.name for agent in agents]
    for name in settings.anchors:
        if name not in names:
            kind = "agent of this run to anchor:"
            told = f"It has {', '.join(names[:_SHOWN])}{', ...' * (len(names) > _SHOWN)}"
            raise UnknownNameError(f"{references.unknown(kind, name, names)} {told}")  # noqa: EM102, TRY003 - made there


def _sandbox(settings: Settings, agents: Sequence[AgentSpec], plugs: Plugins) -> sandboxes.Chosen:
    """Return what contains the agents from outside; without any nothing is tried, which would take a moment."""
    sandboxes.check(settings.sandbox, plugs)
    if all(agent.kind == "trusted" for agent in agents):
        return sandboxes.Chosen(sandboxes.NONE, "")
    return sandboxes.choose(settings.sandbox, plugs)


def _notes(
    settings: Settings, agents: Sequence[AgentSpec], opponents: str, plan: Plan, pairing: Pairing
) -> Iterator[str]:
    opening = planning.opening_line(plan.contests)
    if line := "; ".join(part for part in (opponents, opening) if part):
        yield line
    yield from (f"{agent.name}: {agent.note}" for agent in agents if agent.note)
    if settings.isolation == "run" and any(agent.kind != "trusted" for agent in agents):
        yield "isolation: run; agents' processes are kept over its matches, and what they remember with them"
    yield from pairing.describe()
    if settings.anchors:
        yield f"anchors: {', '.join(f'{name} at {rating:g}' for name, rating in settings.anchors.items())}"
    if settings.seed < _SHORT_SEED and any(agent.kind != "trusted" for agent in agents):
        yield (
            f"seed {settings.seed} is short: an agent could find it by trying, and foresee all luck; "
            "for a tournament leave --seed out"
        )


def versions_now(plugs: Plugins) -> dict[str, Any]:
    """Return what a run is played with: engine, Python, machine, plugins."""
    from evalengine import __version__

    changing = {item.plugin_name for item in plugs.hook.evalengine_modify_matches.get_hookimpls()}
    return {
        "evalengine": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "kernel": platform.release(),
        "plugins": plugs.names,
        "modifies": {name: version for name, version in plugs.names.items() if name in changing},
    }


def stopping_of(
    settings: Settings,
    games: Sequence[ChosenGame],
    agents: Sequence[AgentSpec],
    specs: Iterable[MatchSpec] | None = None,
) -> Stopping | None:
    """Return what stops a run by itself, None when nothing does; rotations are as in `specs`, without them of two.

    Raises:
        UsageError: the rule cannot be read, or does not fit games and agents.
    """
    size = stopping_rules.WHOLE if specs is None else stopping_rules.rotation_of(specs)
    able = [agent for game in games[:1] for agent in agents if planning.fits(agent, game)]
    rule = stopping_rules.make(settings, games, able, size)
    return None if rule is None else Stopping(rule, [agent.name for agent in agents], games[0])


def plan_of(settings: Settings, games: Sequence[ChosenGame], agents: Sequence[AgentSpec]) -> Plan:
    """Return what the pairing of a stored run decides from.

    Raises:
        NothingToPlayError: no game has enough agents.
    """
    make = planning.make_plan if settings.continues is None else exploring.plan_of
    return make(settings, games, agents)


def pairing_of(  # noqa: PLR0917 - what fixes it
    settings: Settings,
    games: Sequence[ChosenGame],
    agents: Sequence[AgentSpec],
    plan: Plan,
    plugs: Plugins,
    store: Store | None,
) -> Pairing:
    """Return what pairs a run: the pairing that it asks for; with --add the run before and the newcomer; or parents.

    Raises:
        UnknownNameError, ConfigError, UsageError: as `make_pairing`; UsageError: the agent cannot be added.
    """
    if settings.continues is not None and store is not None:
        return exploring.pairing(plan, store, games, exploring.Continues.of(settings))
    if settings.added_to is None or store is None:
        return make_pairing(settings.pairing, plan, plugs)
    refs, names = [game.ref for game in games], [agent.name for agent in agents]
    return adding.joined(plan, store, settings.added_to, refs, names, len(settings.agents) - 1)


def make_pairing(ref: str, plan: Plan, plugs: Plugins) -> Pairing:
    """Return the pairing that `NAME` or `NAME(key=value, ...)` stands for, for a plan.

    Raises:
        UnknownNameError: nobody registers it; ConfigError: a parameter is wrong;
        UsageError: it does not pair the games of this plan, or not so many matches.
    """
    name, config = references.split_reference(ref)
    spec = references.find("pairing", name, plugs.listed("pairings"), "evalengine plugins")
    whole = references.configured(f"pairing {name!r}", spec.parameters, config)
    made: Pairing = references.imported(spec.factory, f"pairing {name!r}")(plan, **whole)
    return made


def planned(
    entry: Entry,
    plugs: Plugins,
    round_no: int,
    standings: Standings = NOTHING_YET,
    first_no: int = 0,
    *,
    every: bool = False,
) -> Iterator[MatchSpec] | None:
    """Return the matches of a round as they will be numbered and played; None after the last round.

    Args:
        first_no: the number of the first one; every: with those that -k, --deselect and --lf leave out.
    """
    specs = entry.pairing.round(round_no, standings)
    if specs is None:
        return None
    if plugs.hook.evalengine_modify_matches.get_hookimpls():
        specs = _renumbered(_modified(specs, plugs), first_no)
    elif round_no:  # the first round's numbers are right as they are
        specs = _renumbered(specs, first_no)
    chosen = None if every else chosen_by(entry)
    return specs if chosen is None else (spec for spec in specs if chosen(spec))


def _modified(specs: Iterator[MatchSpec], plugs: Plugins) -> Iterator[MatchSpec]:
    """Yield the matches after plugins edited them, in chunks of whole rotations."""
    chunk: list[MatchSpec] = []
    for spec in specs:
        whole = not chunk or (spec.game_no, spec.rotation, sorted(spec.agents)) != (
            chunk[-1].game_no,
            chunk[-1].rotation,
            sorted(chunk[-1].agents),
        )
        if len(chunk) >= _MODIFY_CHUNK and whole:
            plugs.hook.evalengine_modify_matches(matches=chunk)
            yield from chunk
            chunk = []
        chunk.append(spec)
    plugs.hook.evalengine_modify_matches(matches=chunk)
    yield from chunk


def _renumbered(specs: Iterator[MatchSpec], first_no: int) -> Iterator[MatchSpec]:
    return (spec._replace(match_no=match_no) for match_no, spec in enumerate(specs, first_no))


def chosen_by(entry: Entry) -> Callable[[MatchSpec], bool] | None:
    """Return what says whether a match is played at all (-k, --deselect, --lf); None when all are."""
    selected = planning.selector(entry.settings.select, entry.settings.deselect)
    only = entry.only
    if selected is None and only is None:
        return None
    return lambda spec: (only is None or spec.match_no in only) and (selected is None or selected(entry.name_of(spec)))


def sizes_of(entry: Entry, plugs: Plugins) -> Mapping[int, int] | None:
    """Return matches by game; counted one by one where filters or plugins change a plan of one round.

    None when results decide, or will decide what filters and plugins make of later rounds.

    Raises:
        NothingToPlayError: there is none.
    """
    sizes = entry.pairing.sizes()
    if chosen_by(entry) is not None or plugs.hook.evalengine_modify_matches.get_hookimpls():
        if entry.pairing.rounds() != 1:
            return None
        sizes = Counter(spec.game_no for spec in planned(entry, plugs, 0) or ())
    if sizes is not None and not sum(sizes.values()):
        msg = "no match is left after -k, --deselect and --lf"
        raise NothingToPlayError(msg)
    return sizes


def only_failed(settings: Settings, store: Store | None) -> frozenset[int] | None:
    """Return the matches that --lf chose, None when it did not choose."""
    if settings.failed_of is None or store is None:
        return None
    return frozenset(failed_matches(store, settings.failed_of))


def failed_matches(store: Store, run: int) -> list[int]:
    """Return the numbers of the matches of a run with a fault or void."""
    sql = "select distinct match from fault where match >= ? and match < ? order by match"
    rows = store.iterate(sql, *store.span(run))
    return [number & ((1 << 40) - 1) for (number,) in rows]
