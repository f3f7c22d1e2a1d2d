"""Stored matches continued: a branch or an exploration planned, and begun as a run of its own."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from evalengine import planning, references, runs, sandboxes, submissions
from evalengine.entry import Entry, pairing_of, plan_of, versions_now
from evalengine.errors import AgentError, GameError, NothingToPlayError, StoreError, UsageError
from evalengine.exploring import Continues
from evalengine.match import Match
from evalengine.planning import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine.model import AgentSpec
    from evalengine.planning import ChosenGame
    from evalengine.plugins import Plugins
    from evalengine.replays import StoredMatch
    from evalengine.runs import Run
    from evalengine.store import Store

Luck = Literal["fresh", "same"]


# ------------------------------------------------------------------------------------ to begin


def begin_branch(  # noqa: PLR0917 - what a branch is
    parent: StoredMatch,
    turn: int,
    seats: Mapping[int, str],
    samples: int,
    luck: Luck | None,
    seed: int,
    store: Store,
    plugs: Plugins,
) -> Run:
    """Store a run of `samples` continuations of a match from a turn on; nothing is played yet.

    Args:
        seats: references of agents by the seats that they take over; the others are the parent's;
        luck: None: fresh, where the game can.

    Raises:
        UsageError: the match has no such turn or seat; AgentError: an agent cannot be used; StoreError: the match
            does not replay.
    """
    if not 0 <= turn < len(parent.turns):
        last = len(parent.turns) - 1
        told = f"from 0 to {last}" if parent.turns else "of which it has none"
        msg = f"{parent.name} has {len(parent.turns)} turns: --turn must be one of them, {told}, not {turn}"
        raise UsageError(msg)
    try:
        Match.resume(parent.spec, parent.game, parent.turns[:turn])
    except GameError as error:
        msg = f"{parent.name} does not replay ({error}): see evalengine replay --verify"
        raise StoreError(msg) from error
    game_no = parent.spec.game_no
    wish = Continues(
        kind="branch",
        run=parent.run,
        games=(game_no,),
        agents=tuple(dict.fromkeys(agent for seat, agent in enumerate(parent.spec.agents) if seat not in seats)),
        luck=luck_of([parent.entry.games[game_no]], luck),
        samples=samples,
        match=parent.spec.match_no,
        turn=turn,
    )
    return _begin(parent.entry, wish, seats, seed, store, plugs)


def exploration(parent: Run, game: str | None, agent: str | None, **asked: Any) -> Continues:
    """Return what is explored of a run: of a game, or of an agent's decisions; None: all.

    Args:
        asked: fields of `Continues`.

    Raises:
        UnknownNameError: the run has no such game or agent.
    """
    refs, names = [chosen.ref for chosen in parent.entry.games], [spec.name for spec in parent.entry.agents]
    games = [game_no for game_no, ref in enumerate(refs) if game in {None, ref}]
    if not games:
        raise references.unknown(f"game in run {parent.number}:", str(game), refs)  # noqa: EM102, TRY003 - a part of the text
    if agent is not None and agent not in names:
        raise references.unknown(f"agent in run {parent.number}:", agent, names)  # noqa: EM102, TRY003 - as above
    agent_no = None if agent is None else names.index(agent)
    return Continues(kind="explore", run=parent.number, games=tuple(games), agents=(), agent=agent_no, **asked)


def begin_exploration(  # noqa: PLR0917 - what an exploration is
    parent: Run, wish: Continues, seats: Mapping[int, str], luck: Luck | None, seed: int, store: Store, plugs: Plugins
) -> Run:
    """Store a run that explores the decisions of another's matches; nothing is played yet.

    Args:
        wish: without what follows from the parent's run and the others: agents, luck.

    Raises:
        UsageError: the run is not finished; NothingToPlayError: it has no such decision; others as `begin_branch`.
    """
    return _begin(parent.entry, _whole(parent, wish, seats, luck), seats, seed, store, plugs)


def plan_exploration(  # noqa: PLR0917 - as above
    parent: Run, wish: Continues, seats: Mapping[int, str], luck: Luck | None, seed: int, store: Store, plugs: Plugins
) -> dict[str, int]:
    """Return how many matches an exploration would play of each game; nothing is stored.

    Raises:
        as `begin_exploration`.
    """
    entry = _entry(parent.entry, _whole(parent, wish, seats, luck), seats, seed, store, plugs)
    sizes = _counted(entry)
    return {game.ref: sizes.get(game_no, 0) for game_no, game in enumerate(entry.games)}


def _whole(parent: Run, wish: Continues, seats: Mapping[int, str], luck: Luck | None) -> Continues:
    if not parent.complete:
        msg = f"run {parent.number} is not finished, its matches would change: evalengine run --resume {parent.number}"
        raise UsageError(msg)
    games = [parent.entry.games[game_no] for game_no in wish.games]
    others = any(set(range(game.seats)) - seats.keys() for game in games)  # else none of the parents' agents plays
    agents = tuple(range(len(parent.entry.agents))) if others else ()
    return replace(wish, agents=agents, luck=luck_of(games, luck))


def luck_of(games: Sequence[ChosenGame], wish: Luck | None) -> Luck:
    """Return the luck that was asked for, or the best that all games can have.

    Raises:
        UsageError: a game cannot have it.
    """
    for game in games:
        can = game.game.spec.branching
        if can == "none":
            msg = f"matches of {game.ref} cannot be continued: the game says branching='none'"
            raise UsageError(msg)
        if can == "same-luck" and wish == "fresh":
            msg = f"{game.ref} has its luck from one seed a match: --luck same is what it can"
            raise UsageError(msg)
    return wish or ("same" if any(game.game.spec.branching == "same-luck" for game in games) else "fresh")


def _begin(  # noqa: PLR0917 - as above
    parent: Entry, wish: Continues, seats: Mapping[int, str], seed: int, store: Store, plugs: Plugins
) -> Run:
    entry = _entry(parent, wish, seats, seed, store, plugs)
    sizes = _counted(entry)
    # Kept: to count an exploration's matches all its parents are replayed.
    known = replace(Continues.of(entry.settings), sizes=tuple(sizes.get(no, 0) for no in range(len(entry.games))))
    entry = replace(entry, settings=replace(entry.settings, continues=known.row()))
    return runs.begin_entry(entry, sizes, store, plugs, f"evalengine {wish.kind}")


def _counted(entry: Entry) -> Mapping[int, int]:
    with redirect_stdout(sys.stderr):
        sizes = entry.pairing.sizes() or {}
    if not sum(sizes.values()):
        msg = "nothing to explore: no stored match that fits has a decision with actions that can be listed"
        raise NothingToPlayError(msg)
    return sizes


def _entry(  # noqa: PLR0917 - as above
    parent: Entry, wish: Continues, seats: Mapping[int, str], seed: int, store: Store, plugs: Plugins
) -> Entry:
    games = tuple(parent.games[game_no] for game_no in wish.games)
    kept = [parent.agents[agent] for agent in wish.agents if agent is not None]
    agents, taken = _seated(kept, seats, games, store, plugs)
    wish = replace(wish, agents=(*wish.agents, *[None] * (len(agents) - len(kept))), seats=tuple(sorted(taken.items())))
    before = parent.settings
    settings = Settings(
        games=before.games, seed=seed, limits=before.limits, sandbox=before.sandbox, bind=before.bind,
        continues=wish.row(),
    )  # fmt: skip
    _check_there(agents, store)
    chosen = sandboxes.Chosen(sandboxes.NONE, "")
    if any(agent.kind != "trusted" for agent in agents):
        chosen = sandboxes.choose(settings.sandbox, plugs)
    plan = plan_of(settings, games, agents)
    pairing = pairing_of(settings, games, agents, plan, plugs, store)
    return Entry(
        settings=settings,
        games=games,
        agents=tuple(agents),
        plan=plan,
        pairing=pairing,
        sandbox=chosen.name,
        notes=(*pairing.describe(), *([f"sandbox: {chosen.line}"] if chosen.line else [])),
        versions=versions_now(plugs),
    )


def _seated(
    kept: list[AgentSpec],
    seats: Mapping[int, str],
    games: Sequence[ChosenGame],
    store: Store,
    plugs: Plugins,
) -> tuple[list[AgentSpec], dict[int, int]]:
    """Return the agents with those that take over seats, copied; and by seat the number of its new one.

    Raises:
        UsageError: there is no such seat; AgentError: an agent cannot be used, or its name is taken.
    """
    agents, taken = list(kept), {}
    for seat, ref in sorted(seats.items()):
        for game in games:
            if not 0 <= seat < game.seats:
                msg = f"--seat {seat}={ref}: {game.ref} has the seats 0 to {game.seats - 1}"
                raise UsageError(msg)
        found = planning.find_agent(ref, plugs, plugs.agents())
        (found,) = submissions.snapshots([found], store.agents_folder)
        for game in games:
            if not planning.fits(found, game):
                msg = f"agent {found.name!r} plays only games that are {found.fits!r}: {game.ref} is not"
                raise AgentError(msg)
        taken[seat] = _placed(found, agents, seat)
    return agents, taken


def _placed(found: AgentSpec, agents: list[AgentSpec], seat: int) -> int:
    """Return the number of an agent, which is added unless it is one of those that are there."""
    for number, agent in enumerate(agents):
        if agent.name == found.name:
            same = (agent.version, agent.factory, dict(agent.config)) == (
                found.version, found.factory, dict(found.config),
            )  # fmt: skip
            if not same:
                msg = f"two agents are called {found.name!r}: name this one, as in --seat {seat}=NAME=REF"
                raise AgentError(msg)
            return number
    agents.append(found)
    return len(agents) - 1


def _check_there(agents: Sequence[AgentSpec], store: Store) -> None:
    """Refuse an agent that is not what it was.

    Raises:
        AgentError: one is gone or changed.
    """
    for agent in agents:
        if not submissions.intact(agent, store.agents_folder):
            msg = f"the stored copy of agent {agent.name!r} is gone or changed: seat another with --seat S=AGENT"
            raise AgentError(msg)
        if agent.kind == "trusted" and not agent.payload:
            try:
                references.imported(agent.factory, f"agent {agent.name!r}")
            except UsageError as error:
                msg = f"{error}. Install it, or seat another with --seat S=AGENT"
                raise AgentError(msg) from error
