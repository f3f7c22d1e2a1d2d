"""Stored matches replayed from seed and actions, and compared with what was stored: a whole database."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import planning, runs, wire
from evalengine.errors import EvalengineError
from evalengine.match import Match
from evalengine.model import Branch, MatchResult, MatchSpec, Termination

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalengine.contracts import Game
    from evalengine.plugins import Plugins
    from evalengine.store import Store

_RUN_SHIFT = 40
_CHUNK = 1_000  # matches read at once
_LONGEST = 300  # characters of what a line says of a game's own error
_VOID = Termination.VOID.value
_FIELDS = ("termination", "turns", "scores", "places", "faults")


class Mismatch(NamedTuple):
    """One match that does not replay as it was stored."""

    match: str  # its id with its run before it
    what: str  # chance, termination, turns, scores, places, faults, or "replay": its actions do not fit the game
    where: str  # the turn, or "at the end"
    told: str  # what was stored and what came of it


class Verification:
    """Replays what is stored.

    Attributes:
        replayed: matches; mismatches; voids: matches without a result, which there is nothing to compare with;
        left_out: matches that cannot be replayed here; notes: why, and what else a person should know.
    """

    def __init__(self, store: Store, plugs: Plugins) -> None:
        self._store = store
        self._plugs = plugs
        self.runs = self.replayed = self.mismatches = self.voids = self.left_out = 0
        self.notes: list[str] = []

    @property
    def failed(self) -> bool:
        """Whether a match replays otherwise, or could not be replayed at all."""
        return self.mismatches > 0 or self.left_out > 0

    def all(self, run: int | None = None, match_no: int | None = None) -> Iterator[Mismatch]:
        """Yield each mismatch of a database, of one run, or of one match.

        Raises:
            StoreError: there is no such run.
        """
        rows = self._store.rows("select id from run order by id") if run is None else [{"id": run}]
        for row in rows:
            yield from self._of_run(row["id"], match_no)

    def _of_run(self, run: int, match_no: int | None) -> Iterator[Mismatch]:
        row = self._store.run(run)
        self.runs += 1
        if row["state"] not in runs.COMPLETE and match_no is None:
            self.notes.append(f"run {run} is {row['state']}: what is stored of it is verified")
        games = self._games(run, row)
        refs = [game["ref"] for game in self._store.rows("select ref from game where run = ? order by game_no", run)]
        sql = "select name from agent where run = ? order by agent_no"
        names = [agent["name"] for agent in self._store.rows(sql, run)]
        for spec, stored, blob, key in self._matches(run, match_no):
            game = games.get(spec.game_no)
            if stored.termination == _VOID:
                self.voids += 1
            elif game is None:
                self.left_out += 1
            else:
                self.replayed += 1
                found = _other_luck(spec, key) or _difference(spec, game, blob, stored)
                if found is not None:
                    self.mismatches += 1
                    seated = [names[agent] for agent in spec.agents]
                    yield Mismatch(f"{run}/{planning.match_name(refs[spec.game_no], seated, spec.match_no)}", *found)

    def _games(self, run: int, row: Any) -> dict[int, Game]:
        """Return the games of a run that are here as they were, by number."""
        found: dict[int, Game] = {}
        with redirect_stdout(sys.stderr):
            try:
                planning.load_local(row["settings"]["games"], self._plugs)
            except EvalengineError as error:
                self.notes.append(f"run {run}: {error}")
            for game in self._store.rows("select * from game where run = ? order by game_no", run):
                try:
                    found[game["game_no"]] = runs.stored_game(game, self._plugs).game
                except EvalengineError as error:
                    self.notes.append(f"run {run}: matches of {game['ref']} are left out: {error}")
        return found

    def _matches(self, run: int, only: int | None) -> Iterator[tuple[MatchSpec, MatchResult, bytes, bytes | None]]:
        """Yield the stored matches of a run with their results and actions; a chunk of them is in memory."""
        sql = """select id, game_no, rotation, seed, opening, max_turns, branch, termination, turns, seats, actions, key
            from match where id > ? and id < ? order by id limit ?"""
        low, high = run << _RUN_SHIFT, (run + 1) << _RUN_SHIFT
        if only is not None:
            low, high = low + only, low + only + 1
        last = low - 1
        while rows := list(self._store.iterate(sql, last, high, _CHUNK)):
            faults = self._faults(rows[0][0], rows[-1][0])
            for row in rows:
                yield _read(row, faults.get(row[0], []))
            last = rows[-1][0]

    def _faults(self, first: int, last: int) -> dict[int, list[Any]]:
        sql = """select match, turn, seat, kind from fault where match between ? and ? and seat is not null
            order by match, turn, seat"""
        found: dict[int, list[Any]] = {}
        for number, *fault in self._store.iterate(sql, first, last):
            found.setdefault(number, []).append(tuple(fault))
        return found


def _read(row: Sequence[Any], faults: Sequence[Any]) -> tuple[MatchSpec, MatchResult, bytes, bytes | None]:
    number, game_no, rotation, seed, opening, max_turns, branch, termination, turns, seats, actions, key = row
    agents, scores, places = zip(*json.loads(seats), strict=True)
    own = Branch(*json.loads(branch)) if branch else None
    spec = MatchSpec(number & ((1 << _RUN_SHIFT) - 1), game_no, rotation, seed, agents, opening, max_turns, own)
    return spec, MatchResult(scores, places, termination, turns, tuple(faults)), actions, key


def _other_luck(spec: MatchSpec, key: bytes | None) -> tuple[str, str, str] | None:
    """Return a difference between the seed and the one in the key, which every luck of the match follows from."""
    known = spec.seed if key is None else int.from_bytes(key[-8:])
    if known == spec.seed:
        return None
    return "chance", "at the start", f"its seed is {spec.seed}, by its key it was played with {known}"


def _difference(spec: MatchSpec, game: Game, blob: bytes, stored: MatchResult) -> tuple[str, str, str] | None:
    """Return what differs first, where, and the values; None when nothing does."""
    match = None
    try:
        turns = wire.unpack_turns(blob)
        match = Match(spec._replace(opening=0), game)
        with redirect_stdout(sys.stderr):  # what a game prints must not mix with results
            match.replay(turns)
    except Exception as error:  # noqa: BLE001 - a game's own mistake is what is looked for
        told = str(error) if isinstance(error, EvalengineError) else f"{type(error).__name__}: {error}"
        return "replay", "at the start" if match is None else f"turn {match.turn}", " ".join(told[:_LONGEST].split())
    if match.result is None:
        return "replay", f"turn {match.turn}", f"it ended here by {stored.termination}, and would go on"
    found = match.result._replace(faults=_kinds(match))
    if found == stored:
        return None
    name = next(name for name in _FIELDS if getattr(found, name) != getattr(stored, name))
    told = f"{name} stored as {_shown(getattr(stored, name))}, replayed {_shown(getattr(found, name))}"
    return name, f"at the end, after {found.turns} turns", told


def _kinds(match: Match) -> tuple[Any, ...]:
    """Return the faults of a match as (turn, seat, kind), in their order; of a branch without its parent's."""
    assert match.result is not None
    since = 0 if match.spec.branch is None else match.spec.branch.turn
    return tuple(sorted((turn, seat, fault.kind) for turn, seat, fault in match.result.faults if turn >= since))


def _shown(value: Any) -> str:
    return json.dumps(value)
