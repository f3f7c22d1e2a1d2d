"""Which runs, games and agents of a database are meant."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalengine import references
from evalengine.errors import UsageError
from evalengine.plugins import tags_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalengine.exports.aliases import Aliases
    from evalengine.plugins import Plugins
    from evalengine.store import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What a person wants of a database; what is empty leaves everything in."""

    runs: Sequence[int] = ()
    games: Sequence[str] = ()  # names or configured games
    tags: Sequence[str] = ()
    agents: Sequence[str] = ()
    best: float | None = None  # percent of the agents on each run's own board


@dataclass(kw_only=True, slots=True)
class ChosenRun:
    """One run and what is chosen of it."""

    number: int
    games: dict[int, str]  # by game_no as configured: the chosen ones
    names: list[str]  # of all agents, by agent_no
    wanted: frozenset[int] | None  # agents; None: all
    shown: list[str] = field(default_factory=list)  # `names` as they are told
    refs: dict[int, str] = field(default_factory=dict)  # `games` as they are told

    def show(self, aliases: Aliases | None) -> None:
        """Settle how agents and games are told."""
        self.shown = list(map(aliases.name, self.names)) if aliases else self.names
        self.refs = {number: aliases.ref(ref) for number, ref in self.games.items()} if aliases else self.games


def choose(store: Store, plugs: Plugins, filters: Filters) -> list[ChosenRun]:
    """Return the chosen runs in their order, those without a chosen game or agent left out.

    Raises:
        UnknownNameError: no run has a game, tag or agent of this name; StoreError: there is no such run.
    """
    numbers = list(dict.fromkeys(filters.runs)) or [row["id"] for row in store.rows("select id from run order by id")]
    for number in numbers or [store.latest_run()]:
        store.run(number)  # says when there is none
    _check_best(filters.best)
    rows = {
        number: store.rows("select game_no, ref, name from game where run = ? order by game_no", number)
        for number in numbers
    }
    names = {
        number: [row["name"] for row in store.rows("select name from agent where run = ? order by agent_no", number)]
        for number in numbers
    }
    tags = {name: tags_of(spec) for name, spec in plugs.games().items()} if filters.tags else {}
    known_games = [word for found in rows.values() for row in found for word in (row["name"], row["ref"])]
    _known("game", filters.games, known_games)
    _known("tag", filters.tags, [tag for found in rows.values() for row in found for tag in tags.get(row["name"], ())])
    _known("agent", filters.agents, [name for found in names.values() for name in found])
    chosen = []
    for number in numbers:
        games = {
            row["game_no"]: row["ref"]
            for row in rows[number]
            if (not filters.games or {row["name"], row["ref"]} & set(filters.games))
            and (not filters.tags or set(filters.tags) & set(tags.get(row["name"], ())))
        }
        wanted = _wanted(store, number, names[number], filters)
        if games and (wanted is None or wanted):
            chosen.append(ChosenRun(number=number, games=games, names=names[number], wanted=wanted))
    return chosen


def _known(kind: str, asked: Iterable[str], known: Sequence[str]) -> None:
    for word in asked:
        if word not in known:
            raise references.unknown(f"{kind} in the chosen runs:", word, known)  # noqa: EM102, TRY003 - a part of the text


def _check_best(best: float | None) -> None:
    if best is not None and not 0 < best <= 100:  # noqa: PLR2004 - percent
        msg = f"--best {best:g}: a percentage of the agents is needed, above 0 and at most 100"
        raise UsageError(msg)


def _wanted(store: Store, run: int, names: Sequence[str], filters: Filters) -> frozenset[int] | None:
    """Return the chosen agents of a run by number, None when all are."""
    wanted = None
    if filters.agents:
        wanted = frozenset(number for number, name in enumerate(names) if name in filters.agents)
    if filters.best is not None:
        best = _best(store, run, filters.best)
        wanted = best if wanted is None else wanted & best
    return wanted


def _best(store: Store, run: int, percent: float) -> frozenset[int]:
    """Return the best agents of a run's own board, at least one; agents that have not played are not counted."""
    ranked = store.rows(
        "select r.agent_no from rating r "
        "join rating_state s on s.run = r.run and s.scope = r.scope and s.rater = r.rater "
        "where r.run = ? and r.scope = '' and s.main = 1 and exists (select 1 from tally t where t.run = r.run "
        "and t.agent_no = r.agent_no and t.matches > 0) order by r.rating desc, r.agent_no",
        run,
    )
    # Rounded first: 20% of 5 are 1.0000000000000002 in binary.
    count = math.ceil(round(len(ranked) * percent / 100, 9))
    return frozenset(row["agent_no"] for row in ranked[:count])
