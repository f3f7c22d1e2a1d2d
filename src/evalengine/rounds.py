"""The rounds of a run: what the pairing of each is given, stored so that a resumed run plans the same matches."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

from evalengine import boards, references
from evalengine.entry import chosen_by, planned
from evalengine.errors import EvalengineError, StoreError
from evalengine.model import NOTHING_YET, MatchSpec, Standing, Standings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalengine.boards import RatedGame
    from evalengine.entry import Entry
    from evalengine.model import Pairs
    from evalengine.plugins import Plugins
    from evalengine.store import Store

_CHUNK = 1_000
_RUN_SHIFT = 40


class Run(Protocol):
    """A run as far as rounds need to know it: `evalengine.runs.Run`, which stands on this module."""

    number: int
    entry: Entry
    rated_games: list[RatedGame]
    played: int
    boards: boards.Boards

    @property
    def standings(self) -> list[Standing]:
        """The run's own board."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """One round of a run.

    Attributes:
        first_no: the number of its first match, were all of them played; stored: matches of all rounds before it.
    """

    round_no: int = 0
    first_no: int = 0
    stored: int = 0
    standings: Standings = NOTHING_YET

    def specs(self, run: Run, plugs: Plugins) -> Iterator[MatchSpec] | None:
        """Return its matches as they are numbered and played; None when there is no such round."""
        return planned(run.entry, plugs, self.round_no, self.standings, self.first_no)


def resumed(run: Run, store: Store) -> Round:
    """Return the round that was being played, the first when none was.

    Raises:
        StoreError: what it was paired by is damaged.
    """
    rows = store.rows("select * from round where run = ? order by round_no desc limit 1", run.number)
    if not rows:
        return Round()
    row = rows[0]
    try:
        told = json.loads(row["standings"])
        lines, agents = [Standing(**line) for line in told["lines"]], told["agents"]
    except (ValueError, TypeError, LookupError) as error:
        msg = (
            f"run {run.number}: the standings that round {row['round_no']} was paired by cannot be read "
            f"({references.one_line(error)}): it cannot go on; what was played: evalengine rate {run.number}"
        )
        raise StoreError(msg) from error
    standings = Standings(lines, agents, _pairs(run, store, row["first_no"]))
    return Round(round_no=row["round_no"], first_no=row["first_no"], stored=row["stored"], standings=standings)


def following(before: Round, run: Run, store: Store, plugs: Plugins) -> Round:
    """Return the round after `before`, all matches of which are stored and rated; and store what it is planned from."""
    if run.played != run.boards.watermark:
        msg = f"run {run.number}: {run.played} matches are stored after round {before.round_no}, "
        raise EvalengineError(msg + f"{run.boards.watermark} rated")
    first_no = before.first_no + _planned_in(before, run, plugs)
    standings = after(run, store, first_no)
    told = json.dumps({"lines": [asdict(line) for line in standings], "agents": standings.agents})
    with store.transaction():
        if before.round_no:
            store.replace("round", [(run.number, before.round_no, before.first_no, before.stored, None)], 5)
        store.replace("round", [(run.number, before.round_no + 1, first_no, run.played, told)], 5)
    return Round(round_no=before.round_no + 1, first_no=first_no, stored=run.played, standings=standings)


def after(run: Run, store: Store, first_no: int) -> Standings:
    """Return the standings of the matches that come before `first_no`, all of which and no other are rated."""
    lines = run.standings
    numbers = {agent.name: number for number, agent in enumerate(run.entry.agents)}
    return Standings(lines, [numbers[line.agent] for line in lines], _pairs(run, store, first_no))


def _planned_in(before: Round, run: Run, plugs: Plugins) -> int:
    """Return how many numbers the matches of a round take, those that are not chosen included."""
    if chosen_by(run.entry) is None:
        return run.played - before.stored
    specs = planned(run.entry, plugs, before.round_no, before.standings, before.first_no, every=True)
    return sum(1 for _ in specs or ())


def _pairs(run: Run, store: Store, first_no: int) -> Pairs:
    """Return the counts by pair of the matches before `first_no`; of those after it some may be stored already."""
    counts: dict[tuple[int, int, int], list[int]] = {}
    sql = "select game_no, first, second, wins, draws, losses from pair_count where run = ?"
    for game_no, first, second, *count in store.iterate(sql, run.number):
        counts[game_no, first, second] = [*count, 0]
    next_no = first_no
    while chunk := store.stored(run.number, next_no, _CHUNK):
        for pair, count in boards.pair_counts(run.rated_games, chunk).items():
            counts[pair] = [had - one for had, one in zip(counts[pair], [*count, 0], strict=True)]
        next_no = chunk[-1][0] + 1
    for pair in _voids(run.rated_games, store, run.number, first_no):
        counts.setdefault(pair, [0, 0, 0, 0])[3] += 1
    # By pair, not as stored: nothing may depend on the order in which results came.
    return {pair: (wins, draws, losses, voids) for pair, (wins, draws, losses, voids) in sorted(counts.items())}


def _voids(games: Sequence[RatedGame], store: Store, run: int, first_no: int) -> Iterator[tuple[int, int, int]]:
    """Yield the pairs of each void before `first_no`."""
    low = run << _RUN_SHIFT
    sql = """select m.game_no, m.seats from fault f join match m on m.id = f.match
        where f.kind = 'void' and f.match >= ? and f.match < ? order by f.match"""
    for game_no, seats in store.iterate(sql, low, low + first_no):
        by_seat = [agent for agent, _, _ in json.loads(seats)]
        agents = [by_seat[side[0]] for side in games[game_no].sides]
        yield from ((game_no, one, other) for place, one in enumerate(agents) for other in agents[place + 1 :])
