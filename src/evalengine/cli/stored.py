"""Finding a stored match by what a person types, and reading it back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalengine import planning, wire
from evalengine.errors import StoreError, UsageError
from evalengine.match import Match
from evalengine.model import Branch, MatchSpec
from evalengine.runner import Entry, reopen
from evalengine.store import Store, match_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalengine.plugins import Plugins

_MATCH = re.compile(r"(?:(?P<run>\d+)/)?(?P<name>.*?)\[?(?P<number>\d+)\]?", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredMatch:
    """One match, read back.

    Attributes:
        row: its row; seats: its seats' rows; turns: as `Match.resume` takes them.
    """

    run: int
    entry: Entry
    name: str
    spec: MatchSpec
    row: Mapping[str, Any]
    seats: list[dict[str, Any]]
    turns: list[dict[int | None, Any]]

    @property
    def agents(self) -> list[str]:
        """The names of the agents by seat."""
        return [self.entry.agents[agent].name for agent in self.spec.agents]

    def replayed(self) -> Iterator[Match]:
        """Yield the match after each of its turns, from before the first."""
        game = self.entry.games[self.spec.game_no].game
        for count in range(len(self.turns) + 1):
            yield Match.resume(self.spec, game, self.turns[:count])


def read(text: str, store: Store, plugs: Plugins) -> StoredMatch:
    """Return the match that a person means by `[RUN/]GAME::A-vs-B[NUMBER]`, `[RUN/][NUMBER]` or `[RUN/]NUMBER`.

    Raises:
        UsageError: it is no such text, or names another match than its number; StoreError: there is none.
    """
    found = _MATCH.fullmatch(text.strip())
    if found is None:
        msg = f"{text!r} names no match: write GAME::A-vs-B[NUMBER], NUMBER or RUN/NUMBER"
        raise UsageError(msg)
    run = int(found["run"]) if found["run"] else store.latest_run()
    entry = reopen(store, run, plugs).entry
    number = int(found["number"])
    rows = store.rows("select * from match where id = ?", match_id(run, number)) if number < 1 << 40 else []
    if not rows:
        msg = f"run {run} has no stored match {number}: see select id from v_matches, or evalengine standings"
        raise StoreError(msg)
    match = _read(run, entry, rows[0], store)
    if found["name"] and not match.name.startswith(found["name"]):
        msg = f"match {number} of run {run} is {match.name!r}, not {text!r}"
        raise UsageError(msg)
    return match


def _read(run: int, entry: Entry, row: Mapping[str, Any], store: Store) -> StoredMatch:
    import json

    seats = store.rows("select * from seat where match = ? order by seat", row["id"])
    agents = tuple(seat["agent_no"] for seat in seats)
    branch = Branch(*json.loads(row["branch"])) if row["branch"] else None
    number = row["id"] - match_id(run, 0)
    spec = MatchSpec(
        number, row["game_no"], row["rotation"], row["seed"], agents, row["opening"], row["max_turns"], branch
    )
    names = [entry.agents[agent].name for agent in agents]
    return StoredMatch(
        run=run,
        entry=entry,
        name=planning.match_name(entry.games[row["game_no"]].ref, names, number),
        spec=spec,
        row=row,
        seats=seats,
        turns=wire.unpack_turns(row["actions"]),
    )
