"""Who plays against a submission: bundled agents, and rated submissions of the same account."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine.expressions import Expression
from evalengine.planning import configure_agent
from evalengine.plugins import words_of
from evalengine_gertlabs import source, times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import AgentSpec, GameSpec
    from evalengine.plugins import Plugins
    from evalengine_gertlabs.fields import Fields
    from evalengine_gertlabs.works import Doing

SOURCES = ("system", "own", "both")
MOST_OWN = 4
_SEARCHING = "searchable"  # of agents that play any game by trying what comes of actions


class Pool(NamedTuple):
    """Which opponents are wanted; what is empty leaves everything in."""

    source: str = "both"
    models: Sequence[str] = ()
    providers: Sequence[str] = ()
    created_after: float | None = None
    created_before: float | None = None


def of_body(body: Fields) -> Pool:
    """Return what a request wants.

    Raises:
        RefusedError: it cannot be.
    """
    return Pool(
        body.choice("opponent_source", SOURCES, "both"),
        body.texts("opponent_models", []),
        body.texts("opponent_providers", []),
        times.asked(body, "opponent_created_after"),
        times.asked(body, "opponent_created_before"),
    )


def bundled(game: GameSpec, plugs: Plugins) -> list[AgentSpec]:
    """Return the bundled agents that submissions of a game are measured against, 'random' among them.

    Those that search through any game are left out where there is one made for this game: there they take seconds for
    what it does in microseconds.
    """
    words = words_of(game) | {game.name}
    fitting = [
        agent
        for agent in plugs.agents().values()
        if agent.opponent and (not agent.fits or Expression(agent.fits).holds(words.__contains__))
    ]
    if any(agent.fits and _SEARCHING not in agent.fits for agent in fitting):
        fitting = [agent for agent in fitting if _SEARCHING not in agent.fits]
    return [configure_agent(agent, {}) for agent in fitting]


def own(doing: Doing, game: str, pool: Pool, but: Sequence[str]) -> list[AgentSpec]:
    """Return a few rated submissions of the job's account, from its weakest to its strongest, evenly."""
    sql = """select id, digest, entry, model, provider, created from gert_submission
        where owner = ? and game = ? and elo is not null and deleted is null and state = 'ready' order by elo, number"""
    rows = doing.rows.read(sql, doing.row.owner, game)
    fitting = [row for row in rows if row["id"] not in but and _wanted(row, pool)]
    if len(fitting) > MOST_OWN:
        last = len(fitting) - 1
        fitting = [fitting[round(place * last / (MOST_OWN - 1))] for place in range(MOST_OWN)]
    return [source.agent(doing.work.db, row["id"], row["digest"], row["entry"]) for row in fitting]


def _wanted(row: Any, pool: Pool) -> bool:
    return (
        (not pool.models or row["model"] in pool.models)
        and (not pool.providers or row["provider"] in pool.providers)
        and (pool.created_after is None or row["created"] > pool.created_after)
        and (pool.created_before is None or row["created"] < pool.created_before)
    )


def chosen(doing: Doing, game: GameSpec, sides: int, pool: Pool, challengers: Sequence[AgentSpec]) -> list[AgentSpec]:
    """Return the opponents of challengers: where a match has not two sides, as many as it seats besides one."""
    names = [agent.name for agent in challengers]
    others = [] if pool.source == "system" else own(doing, game.name, pool, names)
    system = [] if pool.source == "own" and others else bundled(game, doing.work.plugins)
    found = [*system, *others]
    if sides == 2:  # noqa: PLR2004 - sides
        return found
    copies = (replace(bundled(game, doing.work.plugins)[0], name=f"other-{number}") for number in range(sides))
    return [*found, *copies][: sides - 1]
