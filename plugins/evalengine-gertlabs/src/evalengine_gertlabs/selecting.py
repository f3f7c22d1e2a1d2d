"""What is exported: rows of submissions, of matches turn by turn, and of explored decisions."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import Fault, UsageError, outcomes, runs
from evalengine.errors import StoreError
from evalengine_gertlabs import times
from evalengine_gertlabs.observations import player_id
from evalengine_gertlabs.sessions import holder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from evalengine import StoredMatch
    from evalengine.plugins import Plugins
    from evalengine.store import Store
    from evalengine.web.rows import Rows

SUBMISSIONS, REPLAYS, BRANCHES = TYPES = "submissions", "game_replays", "agentic_branches"
ALIASES = {"replays": REPLAYS}
BOTH = "both"
_VOID = "void"

COLUMNS: Mapping[str, Mapping[str, str]] = {
    SUBMISSIONS: {
        "submission_id": "text", "game": "text", "language": "text", "code": "text", "files": "text",
        "elo_rating": "float", "elo_lo": "float", "elo_hi": "float", "percentile": "float", "matches_played": "int",
        "provider": "text", "provider_source": "text", "model": "text", "created_at": "text",
    },
    REPLAYS: {
        "session_id": "text", "game": "text", "seed": "text", "tick": "int", "player_id": "text", "agent": "text",
        "observation": "text", "action": "text", "fault": "text", "score": "float", "final_score": "float",
    },
    BRANCHES: {
        "game": "text", "parent_session_id": "text", "tick": "int", "player_id": "text", "agent": "text",
        "action": "text", "action_index": "int", "adopted": "bool", "sample": "int", "score": "float",
        "session_id": "text",
    },
}  # fmt: skip
"""The columns of each type of export with their types; the seed is a text, since it has 63 bits, which JSON has not."""


class Wish(NamedTuple):
    """What an export is of; None leaves everything in.

    Attributes:
        work: the ticket of the build whose things are meant; best: the least percentile; most: records;
        new: without what this account has exported before.
    """

    kind: str
    owner: str
    games: Sequence[str] | None = None
    work: str | None = None
    best: float | None = None
    most: int | None = None
    new: bool = False


def kinds(name: str) -> list[str]:
    """Return the types of rows that a type of an export, or "both", stands for."""
    return [SUBMISSIONS, REPLAYS] if name == BOTH else [ALIASES.get(name, name)]


class Record(NamedTuple):
    """A row, and by which key and game it is remembered as exported."""

    key: str
    game: str
    values: Mapping[str, Any]


def percentiles(rows: Rows, owner: str) -> dict[str, float]:
    """Return by rated submission of an account the fraction of the game's others that it is not worse than.

    The best one of a game has 1.0, however few there are.
    """
    sql = """select id, game, elo from gert_submission where owner = ? and elo is not null and deleted is null
        order by game, elo"""
    found: dict[str, float] = {}
    for _, group in itertools.groupby(rows.read(sql, owner), lambda row: row["game"]):
        listed = list(group)
        others = len(listed) - 1
        below = 0  # or equal
        for _, equal in itertools.groupby(listed, lambda row: row["elo"]):
            ids = [row["id"] for row in equal]
            below += len(ids)
            found.update(dict.fromkeys(ids, (below - 1) / others if others else 1.0))
    return found


class Selecting:
    """The rows of one wish.

    Attributes:
        wish: what is wanted; skipped: runs that cannot be read any more, with the reason.
    """

    def __init__(self, rows: Rows, store: Store, plugs: Plugins, wish: Wish) -> None:
        self._rows = rows
        self._store = store
        self._plugs = plugs
        self.wish = wish
        self._standing = percentiles(rows, wish.owner)
        self.skipped: list[str] = []

    def records(self) -> Iterator[Record]:
        """Yield the rows, at most as many as are wished for."""
        makers: Mapping[str, Callable[[], Iterator[Record]]] = {
            SUBMISSIONS: self._submissions,
            REPLAYS: self._replays,
            BRANCHES: self._branches,
        }
        return itertools.islice(makers[self.wish.kind](), self.wish.most)

    def estimate(self) -> int:
        """Return about how many rows there are; cheap."""
        if self.wish.kind == SUBMISSIONS:
            return sum(1 for _ in self.records())
        share = "turns" if self.wish.kind == REPLAYS else "1"
        total = 0
        for run in self._runs():
            low, high = run << 40, (run + 1) << 40
            sql = f"select coalesce(sum({share}), 0) from match where id >= ? and id < ?"  # noqa: S608 - our own words
            total += int(self._rows.read(sql, low, high)[0][0])
        return total if self.wish.most is None else min(total, self.wish.most)

    # ------------------------------------------------------------------------------ submissions

    def _submissions(self) -> Iterator[Record]:
        wish, last = self.wish, 0
        sql = """select s.*, (select coalesce(sum(json_extract(result, '$.matches_played')), 0) from gert_evaluation e
            where e.submission = s.id) played from gert_submission s where owner = ? and state = 'ready'
            and deleted is null and (work = ? or ? is null) and number > ? order by number limit 200"""
        while found := self._rows.read(sql, wish.owner, wish.work, wish.work, last):
            last = found[-1]["number"]
            yield from (
                Record(row["id"], row["game"], self._submission(row))
                for row in found
                if self._has_game(row["game"]) and self._is_good(row["id"]) and self._is_new(row["id"])
            )

    def _submission(self, row: Any) -> dict[str, Any]:
        files = json.loads(row["files"])
        return {
            "submission_id": row["id"], "game": row["game"], "language": row["language"],
            "code": files.get(row["entry"]), "files": row["files"], "elo_rating": row["elo"], "elo_lo": row["elo_lo"],
            "elo_hi": row["elo_hi"], "percentile": self._standing.get(row["id"]), "matches_played": row["played"],
            "provider": row["provider"], "provider_source": row["provider_source"], "model": row["model"],
            "created_at": times.told(row["created"]),
        }  # fmt: skip

    def _has_game(self, game: str) -> bool:
        return self.wish.games is None or game in self.wish.games

    def _is_good(self, submission: str) -> bool:
        return self.wish.best is None or self._standing.get(submission, -1.0) >= self.wish.best

    def _is_new(self, key: str) -> bool:
        if not self.wish.new:
            return True
        sql = """select 1 from gert_exported e join gert_work w on w.ticket = e.work join job on job.id = w.job
            where e.owner = ? and e.kind = ? and e.key = ? and job.state = 'completed' limit 1"""
        return not self._rows.read(sql, self.wish.owner, self.wish.kind, key)

    # ---------------------------------------------------------------------------------- matches

    def _runs(self) -> list[int]:
        """Return the runs of this account that are wished for."""
        wish = self.wish
        wanted = "= 'explore'" if wish.kind == BRANCHES else "<> 'explore'"
        sql = f"""select gert_run.run, gert_run.game from gert_run join run on run.id = gert_run.run
            where gert_run.owner = ? and (gert_run.work = ? or ? is null) and run.kind {wanted}
            order by gert_run.run"""  # noqa: S608 - our own words
        found = [row["run"] for row in self._rows.read(sql, wish.owner, wish.work, wish.work) if self._has_game(row[1])]
        return found if wish.kind == BRANCHES or wish.work is not None else sorted([*found, *self._sessions()])

    def _sessions(self) -> dict[int, str]:
        """Return this account's finished sessions by their runs."""
        sql = """select live.run, live.id, game.name from live join game on game.run = live.run
            where live.owner = ? and live.state = 'completed'
            and not exists (select 1 from gert_session_gone gone where gone.id = live.id)"""
        found = self._rows.read(sql, holder(self.wish.owner))
        return {row["run"]: row["id"] for row in found if self._has_game(row["name"])}

    def _opened(self, run: int) -> runs.Run | None:
        try:
            return runs.reopen(self._store, run, self._plugs)
        except (StoreError, UsageError) as error:
            self.skipped.append(f"run {run}: {error}")
            return None

    def _replays(self) -> Iterator[Record]:
        sessions = self._sessions() if self.wish.work is None else {}
        for number in self._runs():
            run = self._opened(number)
            for match in run.stored_matches() if run is not None else ():
                name = sessions.get(number) or session_of(number, match.spec.match_no)
                if match.row["termination"] == _VOID or not self._is_new(name):
                    continue
                seats = [seat for seat, agent in enumerate(match.agents) if self._is_good(agent)]
                if seats:
                    game = match.entry.games[match.spec.game_no].spec.name
                    yield from (Record(name, game, values) for values in _turns(match, name, game, seats))

    # ---------------------------------------------------------------------------------- explored

    def _branches(self) -> Iterator[Record]:
        for number in self._runs():
            key = f"run-{number}"
            if not self._is_new(key):
                continue
            (row,) = self._rows.read("select game from gert_run where run = ?", number)
            yield from (Record(key, row["game"], values) for values in explored(number, row["game"], self._store))


def session_of(run: int, match: int) -> str:
    """Return the name of a stored match as that of a session."""
    return f"run-{run}-match-{match}"


def explored(run: int, game: str, store: Store) -> Iterator[dict[str, Any]]:
    """Yield what an exploration found."""
    decision: tuple[Any, ...] = ()
    actions: list[str] = []
    for row in outcomes.rows(run, store):
        here = row["parent"], row["turn"], row["seat"]
        if here != decision:
            decision, actions = here, []
        if row["action"] not in actions:
            actions.append(row["action"])
        parent, _, match = str(row["parent"]).partition("/")
        yield {
            "game": game, "parent_session_id": session_of(int(parent), int(match)), "tick": row["turn"],
            "player_id": player_id(row["seat"]), "agent": row["agent"], "action": row["action"],
            "action_index": actions.index(row["action"]), "adopted": bool(row["played"]), "sample": row["sample"],
            "score": row["score"], "session_id": session_of(*map(int, str(row["match"]).split("/"))),
        }  # fmt: skip


def _turns(match: StoredMatch, name: str, game: str, seats: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield what some seats of a match were asked, and did."""
    final = match.result.scores
    turns = iter(match.turns)
    for number, now in enumerate(match.replayed()):
        turn = next(turns, None)
        if turn is None:
            return
        if number < match.first_asked:
            continue
        scores = now.state.scores()
        for request in now.requests():
            done = turn[None] if None in turn else turn.get(request.seat)
            if request.seat not in seats:
                continue
            fault = done.kind if isinstance(done, Fault) else None
            yield {
                "session_id": name, "game": game, "seed": str(match.spec.seed), "tick": number,
                "player_id": player_id(request.seat), "agent": match.agents[request.seat],
                "observation": plain(request.view), "action": None if fault else plain(done),
                "fault": fault, "score": float(scores[request.seat]),
                "final_score": float(final[request.seat]),
            }  # fmt: skip


def plain(value: Any) -> str:
    """Return a value of a game's own as JSON."""
    return json.dumps(value, default=_plain, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    listed = getattr(value, "tolist", None)
    return listed() if listed is not None else str(value)
