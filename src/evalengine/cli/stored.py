"""Finding a stored match by what a person types, and reading it back."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalengine import planning, wire
from evalengine.errors import StoreError, UsageError
from evalengine.match import Match
from evalengine.model import Branch, Fault, MatchSpec
from evalengine.runs import reopen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalengine.contracts import Game
    from evalengine.entry import Entry
    from evalengine.plugins import Plugins
    from evalengine.store import Store

_MATCH = re.compile(r"(?:(?P<run>\d+)/)?(?:(?P<name>\S.*)?\[(?P<number>\d+)\]|(?P<bare>\d+))", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredMatch:
    """One match, read back.

    Attributes:
        row: its row; seats: its seats' rows; turns: as `Match.resume` takes them; faults, logs: their rows.
    """

    run: int
    entry: Entry
    name: str
    spec: MatchSpec
    row: Mapping[str, Any]
    seats: list[dict[str, Any]]
    turns: list[dict[int | None, Any]]
    faults: list[dict[str, Any]]
    logs: list[dict[str, Any]]

    @property
    def agents(self) -> list[str]:
        """The names of the agents by seat."""
        return [self.entry.agents[agent].name for agent in self.spec.agents]

    @property
    def game(self) -> Game:
        """The game, made."""
        return self.entry.games[self.spec.game_no].game

    def replayed(self) -> Iterator[Match]:
        """Yield the match, always the same object: before its first turn, and after each.

        Raises:
            StoreError: the stored actions do not fit the game; it or its luck is not what it was.
        """
        # Without an opening: its actions are among the stored ones, and Match would play them at once.
        match = Match(self.spec._replace(opening=0), self.game)
        yield match
        for turn in self.turns:
            self._step(match, turn)
            yield match

    def _step(self, match: Match, turn: Mapping[int | None, Any]) -> None:
        asked = [request.seat for request in match.requests()]
        done = {asked[0]: turn[None]} if None in turn and len(asked) == 1 else turn
        number = match.turn
        if set(asked) != set(done):
            msg = f"{self.name} does not replay: in turn {number} seats {asked} are to move, not {list(done)}"
            raise StoreError(msg)
        for seat in asked:
            action = done[seat]
            if isinstance(action, Fault):
                match.fault(seat, action)
            elif reason := match.refusal(seat, action):
                msg = f"{self.name} does not replay: turn {number}, seat {seat}, {action!r}: {reason}"
                raise StoreError(msg)
            else:
                match.answer(seat, action)


def read(text: str, store: Store, plugs: Plugins) -> StoredMatch:
    """Return the match that a person means by `[RUN/]GAME::A-vs-B[NUMBER]`, `[RUN/][NUMBER]` or `[RUN/]NUMBER`.

    Raises:
        UsageError: it is no such text, or names another match than its number; StoreError: there is none.
    """
    found = _MATCH.fullmatch(text.strip())
    if found is None:
        msg = f"{text!r} names no match: write GAME::A-vs-B[NUMBER], NUMBER or RUN/NUMBER"
        raise UsageError(msg)
    number = int(found["number"] or found["bare"])
    with store.reading():
        run = int(found["run"]) if found["run"] else store.latest_run()
        entry = reopen(store, run, plugs).entry
        row = store.match(run, number)
        if row is None:
            msg = f"run {run} has no stored match {number}; matches count from 0: see evalengine standings {run}"
            raise StoreError(msg)
        match = _read(run, number, entry, row, store)
    named = f"{found['name']}[{number}]"
    if found["name"] and match.name != named:
        msg = f"match {number} of run {run} is {match.name!r}, not {named!r}"
        raise UsageError(msg)
    return match


def _read(run: int, number: int, entry: Entry, row: Mapping[str, Any], store: Store) -> StoredMatch:
    seats = store.seats(run, number)
    agents = tuple(seat["agent_no"] for seat in seats)
    branch = Branch(*json.loads(row["branch"])) if row["branch"] else None
    return StoredMatch(
        run=run,
        entry=entry,
        name=planning.match_name(
            entry.games[row["game_no"]].ref, [entry.agents[agent].name for agent in agents], number
        ),
        spec=MatchSpec(
            number, row["game_no"], row["rotation"], row["seed"], agents, row["opening"], row["max_turns"], branch
        ),
        row=row,
        seats=seats,
        turns=wire.unpack_turns(row["actions"]),
        faults=store.faults(run, number),
        logs=store.logs(run, number),
    )
