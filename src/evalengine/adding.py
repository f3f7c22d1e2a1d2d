"""A run with one agent more: the matches of the run before, as they were, and then the newcomer's own."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

from evalengine import seeding
from evalengine.contracts import Pairing
from evalengine.errors import AgentError, UsageError
from evalengine.model import MatchSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalengine.contracts import Contest, Plan
    from evalengine.model import Standings
    from evalengine.store import Store

_RUN_SHIFT = 40
_TWO = 2  # sides


class Added(Pairing):
    """One round: the matches of another run, then as many of the newcomer against each as others had with each other.

    Args:
        before: the run; agents: the new numbers of its agents; newcomer: the number of the one that is added.
    """

    def __init__(self, plan: Plan, store: Store, before: int, agents: Sequence[int], newcomer: int) -> None:
        super().__init__(plan)
        self._store = store
        self._span = before << _RUN_SHIFT, (before + 1) << _RUN_SHIFT
        self._agents = agents
        self._newcomer = newcomer
        sql = "select game_no, count(*) from match where id >= ? and id < ? group by game_no"
        self._played: dict[int, int] = dict(store.iterate(sql, *self._span))
        for contest in plan.contests:
            if len(contest.sides) != _TWO:
                msg = f"--add is for games of two sides, {contest.ref} has {len(contest.sides)}: run all agents anew"
                raise UsageError(msg)

    def rounds(self) -> int:
        """Return one."""
        return 1

    def sizes(self) -> Mapping[int, int]:
        """Return how many matches each game has, those of the run before included."""
        return {
            contest.game_no: self._played.get(contest.game_no, 0)
            + _TWO * self._rotations(contest) * len(self._met(contest))
            for contest in self.plan.contests
        }

    def round(self, round_no: int, standings: Standings) -> Iterator[MatchSpec] | None:  # noqa: ARG002 - the base's
        """Return the matches of the run before, and those of the newcomer."""
        return self._numbered() if round_no == 0 else None

    def describe(self) -> Iterator[str]:
        """Yield how many matches are of which kind."""
        before, whole = sum(self._played.values()), sum(self.sizes().values())
        yield f"{before} matches of run {self._span[0] >> _RUN_SHIFT}, {whole - before} of the newcomer"

    def _met(self, contest: Contest) -> list[int]:
        """Return whom the newcomer meets in a game."""
        return (
            [agent for agent in contest.agents if agent != self._newcomer] if self._newcomer in contest.agents else []
        )

    def _rotations(self, contest: Contest) -> int:
        """Return how many rotations the newcomer plays with each: the mean of the others', rounded up."""
        others = sum(agent != self._newcomer for agent in contest.agents)
        cells = others * (others - 1) // 2
        return max(1, -(-self._played.get(contest.game_no, 0) // (_TWO * max(1, cells))))

    def _numbered(self) -> Iterator[MatchSpec]:
        specs = itertools.chain(self._before(), self._own())
        return (spec._replace(match_no=match_no) for match_no, spec in enumerate(specs))

    def _before(self) -> Iterator[MatchSpec]:
        sql = """select id, game_no, rotation, seed, seats, opening, max_turns from match
            where id > ? and id < ? order by id limit 1000"""
        last = self._span[0] - 1
        while rows := list(self._store.iterate(sql, last, self._span[1])):
            for _, game_no, rotation, seed, seats, opening, max_turns in rows:
                agents = tuple(self._agents[agent] for agent, _, _ in json.loads(seats))
                yield MatchSpec(0, game_no, rotation, seed, agents, opening, max_turns)
            last = rows[-1][0]

    def _own(self) -> Iterator[MatchSpec]:
        for contest in self.plan.contests:
            for rotation in range(self._rotations(contest)):
                seed = seeding.derive(self.plan.seed, contest.ref, rotation)
                for other in self._met(contest):
                    for sides in ((self._newcomer, other), (other, self._newcomer)):
                        agents = _seated(contest, sides)
                        yield MatchSpec(0, contest.game_no, rotation, seed, agents, contest.opening, contest.max_turns)


def _seated(contest: Contest, sides: Sequence[int]) -> tuple[int, ...]:
    """Return by seat the agents of sides."""
    by_seat = {seat: agent for seats, agent in zip(contest.sides, sides, strict=True) for seat in seats}
    return tuple(by_seat[seat] for seat in sorted(by_seat))


def joined(  # noqa: PLR0917 - both runs
    plan: Plan, store: Store, before: int, games: Sequence[str], agents: Sequence[str], newcomer: int
) -> Added:
    """Return the pairing of a run that adds an agent to another one, whose games and agents it has, too.

    Args:
        games, agents: refs and names of this run; newcomer: the number of the agent that is added.

    Raises:
        UsageError: it has not, or the other one is not finished; RunLockedError: it is being played.
    """
    if store.run(before)["state"] in {"running", "interrupted"}:
        store.unlock(store.lock(before))  # whoever plays it is named
        msg = f"--add: run {before} is not finished: evalengine run --resume {before}"
        raise UsageError(msg)
    was = [row["ref"] for row in store.rows("select ref from game where run = ? order by game_no", before)]
    names = [row["name"] for row in store.rows("select name from agent where run = ? order by agent_no", before)]
    if was != list(games) or not set(names) <= set(agents) - {agents[newcomer]}:
        msg = f"--add: run {before} was of other games or agents than are found now: run all agents anew"
        raise UsageError(msg)
    return Added(plan, store, before, [list(agents).index(name) for name in names], newcomer)


def check_newcomer(store: Store, before: int, name: str, ref: str) -> None:
    """Refuse a newcomer whose name an agent of the run before has.

    Raises:
        AgentError: it has.
    """
    if store.rows("select 1 from agent where run = ? and name = ?", before, name):
        bare = ref.partition("=")[2] if ref.startswith(f"{name}=") else ref
        msg = f"--add: run {before} has an agent {name!r} already: name the newcomer, as in --add new={bare}"
        raise AgentError(msg)


def known(store: Store, run: int) -> dict[bytes, int]:
    """Return the stored matches of a run whose results can be reused, by key."""
    sql = "select key, id from match where id >= ? and id < ? and key is not null and termination <> 'void'"
    return dict(store.iterate(sql, run << _RUN_SHIFT, (run + 1) << _RUN_SHIFT))


def copy(store: Store, run: int, spec: MatchSpec, source: int) -> list[str]:
    """Store a result of another run as that of `spec`; return the kinds of its faults; within a transaction."""
    (row,) = store.rows("select * from match where id = ?", source)
    number = run << _RUN_SHIFT | spec.match_no
    scored = zip(spec.agents, json.loads(row["seats"]), strict=True)
    seats = json.dumps([[agent, score, place] for agent, (_, score, place) in scored], separators=(",", ":"))
    own = {"id": number, "game_no": spec.game_no, "rotation": spec.rotation, "seats": seats}
    store.replace("match", [tuple((row | own).values())], len(row))
    faults = store.rows("select * from fault where match = ? order by turn, seat", source)
    store.replace("fault", [tuple((fault | {"match": number}).values()) for fault in faults], 6)
    return [fault["kind"] for fault in faults]
