"""A stored match, read back: what is known of it, and its turns played again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgpack

from evalengine import planning, wire
from evalengine.branches import first_asked
from evalengine.errors import StoreError
from evalengine.match import Match
from evalengine.model import Branch, Fault, MatchResult, MatchSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalengine.contracts import Game
    from evalengine.entry import Entry
    from evalengine.model import Limits
    from evalengine.store import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredMatch:
    """One match of a stored run, read back.

    Attributes:
        run: the run's number; name: the match's id, GAME::A-vs-B[match_no]; spec: what was planned;
        turns: as `Match.resume` takes them, those of the opening first;
        row, seats, faults, logs: what the store holds of it.
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

    @property
    def result(self) -> MatchResult:
        """How it ended."""
        seats, told = self.seats, self.faults
        faults = tuple(
            (fault["turn"], fault["seat"], Fault(fault["kind"], fault["detail"], fault["traceback"]))
            for fault in told
            if fault["seat"] is not None  # a void is nobody's
        )
        scores, places = tuple(seat["score"] for seat in seats), tuple(seat["place"] for seat in seats)
        return MatchResult(scores, places, self.row["termination"], self.row["turns"], faults)

    @property
    def first_asked(self) -> int:
        """The first turn that its agents were asked in: those before are of the opening, or of a branch's parent."""
        return first_asked(self.spec)

    def decided_by(self, turn: int) -> str:
        """Return who decided in a turn: its "agents", the "opening", a branch's "parent"; "held": an exploration."""
        branch = self.spec.branch
        if turn < self.spec.opening:
            return "opening"
        if branch is None or turn >= self.first_asked:
            return "agents"
        return "parent" if turn < branch.turn else "held"

    @property
    def started(self) -> float:
        """When it began, in seconds since the epoch."""
        return float(self.row["started"])

    @property
    def limits(self) -> Limits | None:
        """What its agents could use; None when they are all bundled ones, which have no limits."""
        outside = any(self.entry.agents[agent].kind != "trusted" for agent in self.spec.agents)
        return self.entry.settings.limits if outside else None

    @property
    def think_us(self) -> list[int]:
        """Microseconds of thought, one for each question in their order, from `first_asked` on."""
        found: list[int] = msgpack.unpackb(self.row["think_us"])
        return found

    @property
    def infos(self) -> list[tuple[int, int, Any]]:
        """What agents gave beside their actions, as (turn, seat, info)."""
        blob = self.row["info"]
        return [tuple(info) for info in msgpack.unpackb(blob, strict_map_key=False)] if blob else []

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


def read_match(run: int, number: int, entry: Entry, store: Store) -> StoredMatch | None:
    """Return a match of a run, None when it is not stored."""
    row = store.match(run, number)
    if row is None:
        return None
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
