"""What was chosen of a database, read row by row: what exporters and `evalengine.load` are given."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalengine import planning, references, runs
from evalengine.errors import UsageError
from evalengine.exports import aliases, tables
from evalengine.exports.choosing import Filters, choose
from evalengine.exports.steps import steps_of
from evalengine.model import Branch, Termination
from evalengine.replays import read_match
from evalengine.report import site
from evalengine.report.site import FRAMED, MATCHES
from evalengine.store import match_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from evalengine.entry import Entry
    from evalengine.exports.choosing import ChosenRun
    from evalengine.exports.contract import Files
    from evalengine.exports.splits import Split
    from evalengine.exports.tables import Table
    from evalengine.plugins import Plugins
    from evalengine.replays import StoredMatch
    from evalengine.store import Store

_VOID = Termination.VOID.value

Row = Sequence[Any]


class Reader:
    """A selection; see `contract.Selection`. Used while the store is open and within `store.reading()`.

    Attributes:
        parted: matches that were left out, since their agents fall into several splits; filled: splits with a match.
    """

    def __init__(
        self,
        store: Store,
        plugs: Plugins,
        filters: Filters,
        wanted: Sequence[str] = (),
        split: Split | None = None,
        *,
        anonymous: bool = False,
    ) -> None:
        self._store = store
        self._plugs = plugs
        self._split = split
        self._filters = filters
        self.db: Path = store.path
        self.hook: Any = plugs.hook
        self.anonymous = anonymous
        self.tables: Mapping[str, Table] = {name: tables.TABLES[name] for name in wanted}
        self.splits: Sequence[str] = split.names if split else ()
        self.parted = 0
        self.filled: set[str] = set()
        self._runs = choose(store, plugs, filters)
        self._aliases = aliases.of_store(store) if anonymous else None
        for run in self._runs:
            run.show(self._aliases)
        self._makers: Mapping[str, Callable[[ChosenRun], Iterator[tuple[str, Row]]]] = {
            "matches": self._matches, "steps": self._steps, "ratings": self._ratings, "agents": self._agents,
            "standings": self._standings, "runs": self._runs_table,
        }  # fmt: skip

    def rows(self, table: str) -> Iterator[tuple[str, Row]]:
        """Yield (split, values by column) of a table."""
        made = references.find("table", table, self._makers)  # type: ignore[type-var]  # found by name
        for run in self._runs:
            yield from made(run)

    def matches(self) -> Iterator[StoredMatch]:
        """Yield the matches with their turns, one at a time."""
        for run in self._runs:
            for _, match in self._stored(run):
                yield match

    def report(self, files: Files, *, frames: int = FRAMED, matches: int = MATCHES, raters: Sequence[str] = ()) -> None:
        """Write the pages of `evalengine report` for the one run that is chosen."""
        self._check_whole()
        for run in self._runs:
            found = runs.reopen(self._store, run.number, self._plugs)
            site.fill(
                found, self._store, self._plugs, files, most=matches, framed=frames, raters=raters,
                db_option=found.db_option,
            )  # fmt: skip

    def _check_whole(self) -> None:
        """Refuse to write pages of anything but one whole run with its names."""
        wished = self._filters
        if self.anonymous:
            msg = "pages show agents' names and what they wrote: leave --anonymous out, or take a format of tables"
        elif wished.games or wished.tags or wished.agents or wished.best is not None or self._split is not None:
            msg = "pages are of a whole run: leave out --game, --tag, --agent, --best and --split"
        elif len(self._runs) != 1:
            msg = f"pages are of one run, not of {len(self._runs)}: name one with --run"
        else:
            return
        raise UsageError(msg)

    # ------------------------------------------------------------------------------- matches

    def _matches(self, run: ChosenRun) -> Iterator[tuple[str, Row]]:
        faults = _Following(self._faults_of(run))
        sql = (
            "select id, game_no, termination, turns, seats, rotation, opening, seed, branch, started, seconds "
            "from match where id >= ? and id < ? order by id"
        )
        base = match_id(run.number, 0)
        for (
            key,
            game_no,
            termination,
            turns,
            seats,
            rotation,
            opening,
            seed,
            branch,
            started,
            seconds,
        ) in self._store.iterate(sql, *self._store.span(run.number)):
            agents, scores, places = zip(*json.loads(seats), strict=True)
            part = self._part(run, game_no, agents)
            if part is None:
                continue
            names, number = [run.shown[agent] for agent in agents], key - base
            kinds = dict(reversed(faults.of(key)))
            yield part, (
                run.number, number, planning.match_name(run.refs[game_no], names, number), run.refs[game_no], names,
                list(map(float, scores)), list(places), [kinds.get(seat) for seat in range(len(agents))], termination,
                turns, rotation, opening, seed, self._told(_branch(branch)), started, seconds,
            )  # fmt: skip

    def _faults_of(self, run: ChosenRun) -> Iterator[tuple[int, tuple[int, str]]]:
        sql = "select match, seat, kind from fault where match >= ? and match < ? and seat is not null"
        order = " order by match, turn, seat"
        for key, seat, kind in self._store.iterate(sql + order, *self._store.span(run.number)):
            yield key, (seat, kind)

    def _part(self, run: ChosenRun, game_no: int, agents: Sequence[int]) -> str | None:
        """Return the split of a match, "" without splits; None when it is not chosen, or falls into several."""
        if game_no not in run.games or (run.wanted is not None and run.wanted.isdisjoint(agents)):
            return None
        if self._split is None:
            return ""
        if self._split.by == "game":
            part: str | None = self._split.part(run.games[game_no])
        else:
            part = self._split.part_of_all(run.names[agent] for agent in agents)
        if part is None:
            self.parted += 1
        else:
            self.filled.add(part)
        return part

    # --------------------------------------------------------------------------------- turns

    def _stored(self, run: ChosenRun) -> Iterator[tuple[str, StoredMatch]]:
        entry = self._entry(run)
        low, high = self._store.span(run.number)
        for key, game_no, seats in self._store.iterate(
            "select id, game_no, seats from match where id >= ? and id < ? order by id", low, high
        ):
            part = self._part(run, game_no, [agent for agent, *_ in json.loads(seats)])
            if part is None:
                continue
            found = read_match(run.number, key - low, entry, self._store)
            assert found is not None  # one moment of the file
            yield part, aliases.hidden(found) if self.anonymous else found

    def _entry(self, run: ChosenRun) -> Entry:
        entry = runs.reopen(self._store, run.number, self._plugs).entry
        if not self.anonymous:
            return entry
        agents = tuple(replace(agent, name=name) for agent, name in zip(entry.agents, run.shown, strict=True))
        games = tuple(replace(game, ref=run.refs.get(number, "")) for number, game in enumerate(entry.games))
        return replace(entry, agents=agents, games=games)

    def _steps(self, run: ChosenRun) -> Iterator[tuple[str, Row]]:
        columns = [column.name for column in tables.STEPS.columns]
        for part, match in self._stored(run):
            if match.row["termination"] == _VOID:
                continue
            known = {
                "run": run.number,
                "match_no": match.spec.match_no,
                "match": match.name,
                "game": run.refs[match.spec.game_no],
            }
            for step in steps_of(match):
                agent = match.spec.agents[step["seat"]]
                if run.wanted is None or (agent in run.wanted and step["agent"] is not None):
                    whole = known | step
                    yield part, [self._told(whole[name]) if name in _GAMES_OWN else whole[name] for name in columns]

    def _told(self, value: Any) -> Any:
        return value if self._aliases is None else self._aliases.value(value)

    # -------------------------------------------------------------------------------- agents

    def _ratings(self, run: ChosenRun) -> Iterator[tuple[str, Row]]:
        sql = """select agent_no, scope, rater, rating, sigma, lo, hi, rank, rank_lo, rank_hi, provisional, component
          from rating where run = ? order by scope, rater, rating desc, agent_no"""
        scopes = {"": "", **{run.games[number]: ref for number, ref in run.refs.items()}}
        for agent, scope, rater, *numbers, provisional, component in self._store.iterate(sql, run.number):
            for part in self._parts(run, agent, scope) if scope in scopes else ():
                name = run.shown[agent]
                yield part, (run.number, scopes[scope], rater, name, *numbers, bool(provisional), component)

    def _agents(self, run: ChosenRun) -> Iterator[tuple[str, Row]]:
        sql = """select a.agent_no, a.kind, a.version, a.pinned, a.ref, coalesce(sum(t.matches), 0),
          coalesce(sum(t.wins), 0), coalesce(sum(t.draws), 0), coalesce(sum(t.losses), 0), coalesce(sum(t.faults), 0)
          from agent a left join tally t on t.run = a.run and t.agent_no = a.agent_no where a.run = ?
          group by a.agent_no order by a.agent_no"""
        rows = self._store.iterate(sql, run.number)
        if self.anonymous:  # the order in which they were named, often the alphabet's, would tell who is who
            rows = iter(sorted(rows, key=lambda row: run.shown[row[0]]))
        for agent, kind, version, pinned, ref, *counts in rows:
            # A digest of known bytes names them.
            origin = (None, bool(pinned), None) if self.anonymous else (version, bool(pinned), ref)
            # Counts over several games would tell of those in other splits.
            told = [None] * len(counts) if self._by_game and len(run.games) > 1 else counts
            for part in self._parts(run, agent, None):
                yield part, (run.number, run.shown[agent], kind, *origin, *told)

    def _standings(self, run: ChosenRun) -> Iterator[tuple[str, Row]]:
        numbers = {name: number for number, name in enumerate(run.names)}
        sql = """select agent, matches, wins, draws, losses, faults, rating, sigma, lo, hi, rank_lo, rank_hi, mu
          from v_standings where run = ? order by rating desc, agent"""
        for name, *rest in self._store.iterate(sql, run.number):
            for part in self._parts(run, numbers[name], ""):
                yield part, (run.number, run.shown[numbers[name]], *rest)

    @property
    def _by_game(self) -> bool:
        return self._split is not None and self._split.by == "game"

    def _parts(self, run: ChosenRun, agent: int, scope: str | None) -> Sequence[str]:
        """Return the splits that something told of an agent goes to.

        Args:
            scope: the board that it comes from; None: it tells of no results.
        """
        if run.wanted is not None and agent not in run.wanted:
            return ()
        if self._split is None:
            return ("",)
        if not self._by_game:
            return (self._split.part(run.names[agent]),)
        if scope is None:
            return self._split.names
        games = [scope] if scope else list(run.games.values())
        part = self._split.part_of_all(games)  # None: results of several splits are in it
        return () if part is None else (part,)

    def _runs_table(self, run: ChosenRun) -> Iterator[tuple[str, Row]]:
        row = self._store.run(run.number)
        low, high = self._store.span(run.number)
        ((stored,),) = self._store.iterate("select count(*) from match where id >= ? and id < ?", low, high)
        seed = None if self.anonymous else row["seed"]
        whole = (
            run.number, row["kind"], row["parent"], row["state"], seed, row["matches"], stored,
            list(run.refs.values()), len(run.names), row["sandbox"], row["started"], row["seconds"],
        )  # fmt: skip
        for part in self.splits or ("",):
            yield part, whole


_GAMES_OWN = ("view", "legal", "action", "action_text")  # columns in which a game may show what agents wrote


class _Following:
    """Items with ascending keys, read alongside other rows with ascending keys."""

    def __init__(self, items: Iterator[tuple[int, Any]]) -> None:
        self._items = items
        self._next = next(items, None)

    def of(self, key: int) -> list[Any]:
        """Return the items of a key; keys that are passed over are dropped."""
        found = []
        while self._next is not None and self._next[0] <= key:
            if self._next[0] == key:
                found.append(self._next[1])
            self._next = next(self._items, None)
        return found


def _branch(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    told = Branch(*json.loads(text))._asdict()
    del told["turns"]  # the match's own first ones, and not stored twice
    return told
