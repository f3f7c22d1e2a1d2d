"""What pages show of the database, as plain records. Read in threads, few at once, so that others are answered too."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from evalengine import runs
from evalengine.report import gathering, matches
from evalengine.store import Store
from evalengine.web.pages import match_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from evalengine.runs import Run
    from evalengine.web.house import Server
    from evalengine.web.pages.match_rows import Wish

RUNS = 30  # a page
_AT_ONCE = 3  # reads: keys and the pages of others have threads of their own left
_KEPT = 16  # boards in memory
_WHOLE = 20_000  # matches up to which a finished run is read whole without being asked for
_AGE_S = 1.5  # for which a run that goes on is shown as it was
_LARGEST = 1 << 23  # runs there may be
_MOST_LOGS = 12
_LOG_LENGTH = 8_000


class Reading:
    """Reads for pages.

    Attributes:
        db_option: as commands name this database.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._limit = asyncio.Semaphore(_AT_ONCE)
        self._boards: OrderedDict[tuple[int, int], _Kept] = OrderedDict()
        self._opening = threading.Lock()  # what reads a run's games back turns stdout aside meanwhile, for all threads
        self.db_option = runs.db_option(server.db)

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function of the store and these arguments returns, called in a thread."""
        async with self._limit:
            return await self._server.call(self._with_store, function, arguments)

    def _with_store(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        with Store(self._server.db, create=False) as store:
            return function(store, *arguments)

    # ------------------------------------------------------------------------------------ runs

    def listed(self, store: Store, before: int | None) -> list[dict[str, Any]]:
        """Return runs, the latest first, live matches not among them; one more than a page shows."""
        sql = """select r.id, r.kind, r.state, r.command, r.started, r.seconds, r.matches, r.pid, r.decided_at,
              (select max(id) from match where id >= r.id << 40 and id < (r.id + 1) << 40) - (r.id << 40) + 1 as reached
            from run r where r.id < ? and r.kind <> 'live' order by r.id desc limit ?"""
        found = store.rows(sql, before or _LARGEST, RUNS + 1)
        return [{**row, "reached": row["reached"] or 0, "goes_on": goes_on(store.path, row)} for row in found]

    def numbers(self, store: Store, run: int) -> dict[str, Any] | None:
        """Return state, kind and process of a run; None when there is no such run."""
        if not 0 < run < _LARGEST:
            return None
        found = store.rows("select id, state, kind, pid, started from run where id = ?", run)
        return {**found[0], "goes_on": goes_on(store.path, found[0])} if found else None

    def board(self, store: Store, number: int, board: int, *, whole: bool) -> dict[str, Any] | None:
        """Return all that the pages of a run show but for its matches; None when it has no such board.

        A run that goes on, or is long, is told of without reading its matches, unless `whole`.
        """
        kept = self._boards.get((number, board))
        if kept is not None and kept.serves(store, number, whole=whole):
            return kept.records
        began = time.monotonic()
        with store.reading():
            with self._opening:
                run = runs.reopen(store, number, self._server.plugins)
            if not board < len(run.boards.boards):
                return None
            whole = whole or (run.complete and run.played <= _WHOLE)
            records = self._told(run, store, board, whole=whole)
        now = time.monotonic()
        made = _Kept(records, store.last_match_no(number), now + max(_AGE_S, 4 * (now - began)))
        self._boards[number, board] = made
        while len(self._boards) > _KEPT:
            with contextlib.suppress(KeyError):  # another thread was faster
                self._boards.popitem(last=False)
        return records

    def _told(self, run: Run, store: Store, board: int, *, whole: bool) -> dict[str, Any]:
        facts = gathering.facts(run, store)
        boards = run.boards.boards
        if whole:
            found = next(one for one in gathering.boards(run, store, self._server.plugins) if one["number"] == board)
        else:
            found = gathering.glance(run, store, board)
        return {
            "facts": facts,
            "board": found,
            "boards": [one.scope or "all games" for one in boards] if len(boards) > 1 else [],
            "numbers": {agent["name"]: place for place, agent in enumerate(facts["agents"])},
            "whole": whole,
        }

    def faults(self, store: Store, number: int) -> dict[str, Any]:
        """Return the faults of a run, by agent."""
        with store.reading():
            run = self._run(store, number)
            run.recount()
            return gathering.faults(run, store)

    def agent(self, store: Store, number: int, agent_no: int) -> dict[str, Any]:
        """Return the faults of an agent, and what it wrote last."""
        with store.reading():
            run = self._run(store, number)
            found = [fault for fault in run.agent_faults() if fault.agent_no == agent_no]
            return {"faults": found, "logs": list(self._logs(run, store, agent_no))}

    def _logs(self, run: Run, store: Store, agent_no: int) -> Iterator[dict[str, Any]]:
        low, high = store.span(run.number)
        sql = """select l.match - ? as no, l.seat, l.stream, l.text from log l join match m on m.id = l.match
            where l.match >= ? and l.match < ? and l.text <> ''
            and json_extract(m.seats, '$[' || l.seat || '][0]') = ? order by l.match limit ?"""
        for row in store.rows(sql, low, low, high, agent_no, _MOST_LOGS):
            yield {**row, "text": gathering.shortened(row["text"], _LOG_LENGTH)}

    def _run(self, store: Store, number: int) -> Run:
        """Return a run without its ratings, which costs little however long it is."""
        with self._opening:
            entry = runs.entry_of(store, number, self._server.plugins)
        return runs.Run(store, number, entry, self._server.plugins)

    # --------------------------------------------------------------------------------- matches

    def names(self, store: Store, number: int) -> dict[str, Any]:
        """Return of a run what the list of its matches needs."""
        games = store.rows("select ref from game where run = ? order by game_no", number)
        agents = store.rows("select name from agent where run = ? order by agent_no", number)
        return {"number": number, "games": games, "agents": agents}

    def rows(self, store: Store, number: int, wish: Wish) -> match_rows.Part:
        """Return a part of the list of matches."""
        with store.reading():
            return match_rows.part(self._run(store, number), store, wish)

    def player(self, store: Store, number: int, match_no: int) -> dict[str, Any] | None:
        """Return what the player of a match loads, by name; None when it is not stored."""
        with store.reading():
            run = self._run(store, number)
            if store.match(number, match_no) is None:
                return None
            reader = matches.Reader(run, store, matches.Chosen([match_no], {match_no}, 1))
            rows, told = reader.shard([match_no])
            meta = {
                "run": number,
                "agents": [agent.name for agent in run.entry.agents],
                "games": [game.ref for game in run.entry.games],
                "kinds": gathering.KINDS,
                "ends": matches.ENDS,
                "firsts": [match_no],
                "lists": 1,
                "places": [0],
                "framed": 1,
                "db": self.db_option,
                "around": match_rows.around(store, number, match_no),
            }
        return {"meta": meta, "turns-0": told, "list-0": rows}


class _Kept:
    """Records of a board, for as long as they are what the file says."""

    def __init__(self, records: dict[str, Any], last_no: int, until: float) -> None:
        self.records = records
        self._last_no = last_no
        self._until = until

    def serves(self, store: Store, number: int, *, whole: bool) -> bool:
        """Say whether they may be shown again."""
        if whole and not self.records["whole"]:
            return False
        if time.monotonic() < self._until:
            return True
        row = store.rows("select state from run where id = ?", number)[0]
        same = row["state"] == self.records["facts"]["state"] and store.last_match_no(number) == self._last_no
        return bool(same and self.records["facts"]["complete"])


def goes_on(db: Path, row: Mapping[str, Any]) -> bool:
    """Say whether a process writes a run now: a state alone is also left behind by one that was killed."""
    if row["state"] != "running" or not row["pid"]:
        return False
    if not db.with_name(f"{db.name}-run-{row['id']}.lock").exists():
        return False
    try:
        os.kill(row["pid"], 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's process
        return True
    return True
