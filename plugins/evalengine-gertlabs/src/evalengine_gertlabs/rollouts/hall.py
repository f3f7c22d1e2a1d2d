"""All live episodes: which process plays each, what is stored of them, and when they end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from typing import TYPE_CHECKING, Any

from evalengine import RefusedError, wire
from evalengine_gertlabs import replies
from evalengine_gertlabs.rollouts import plans, runs
from evalengine_gertlabs.rollouts.episodes import RefusedError as StepRefusedError
from evalengine_gertlabs.rollouts.episodes import again
from evalengine_gertlabs.rollouts.processes import DiedError, FailedError, Processes
from evalengine_gertlabs.rollouts.scribe import Scribe
from evalengine_gertlabs.rollouts.settings import Asked, Refused, Stepped

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence

    from evalengine_gertlabs.api import Api
    from evalengine_gertlabs.owners import Asker
    from evalengine_gertlabs.rollouts.plans import Plan
    from evalengine_gertlabs.rollouts.scribe import Statement

IDLE_S = 600.0
REMEMBERED_S = 900.0  # of an episode that has ended, and of forks
MOST_LIVE, MOST_OF_ONE = 8_192, 2_048
NICE = 5
GONE = Refused(404, "EPISODE_NOT_FOUND", "there is no such live episode in this run")
Outcome = Stepped | Refused | str
"""What became of a step; a text: the episode is lost, and why."""


class Live:
    """A live episode.

    Attributes:
        place: which process plays it; there: whether it does so now, else it is begun again from what is stored;
        tick, began: now, and the first of its own; forks: how many it has had; used: when it was last worked with;
        open: False once it has ended.
    """

    __slots__ = (
        "began",
        "forks",
        "id",
        "lock",
        "no",
        "open",
        "owner",
        "place",
        "run",
        "run_id",
        "there",
        "tick",
        "used",
    )

    def __init__(self, no: int, episode_id: str, run: int, run_id: str, owner: str, began: int, tick: int) -> None:
        self.no = no
        self.id = episode_id
        self.run = run
        self.run_id = run_id
        self.owner = owner
        self.began = began
        self.tick = tick
        self.place = (0, 0)
        self.there = False
        self.open = True
        self.forks = 0
        self.used = time.monotonic()
        self.lock = asyncio.Lock()

    @property
    def ticks(self) -> int:
        """How many it has used."""
        return self.tick - self.began


class Hall:
    """Begins, steps and ends episodes. Everything here is for the event loop."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._scribe = Scribe(api)
        cores = len(os.sched_getaffinity(0))
        # Agents think in processes of their own, that yield: who has no opponents never waits for another's.
        self.pools = tuple(
            Processes(cores, nice, lambda number, pool=pool: self._mourn((pool, number)))
            for pool, nice in enumerate((0, NICE))
        )
        self._live: dict[str, Live] = {}
        self._counts: dict[str, int] = {}  # live episodes, and those that are being begun, by owner
        self._dropping: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Take up what was live when the server ended; it is begun again when somebody asks for it."""
        sql = (
            "select e.no, e.id, e.run, r.id run_id, r.owner, e.began, coalesce(max(s.after), e.began) tick"
            " from gert_episode e join gert_rollout_run r on r.no = e.run"
            " left join gert_episode_step s on s.episode = e.no where e.state = 'live' group by e.no"
        )
        for row in await self._api.read(sql):
            self._enter(Live(*row))

    async def stop(self) -> None:
        """End the processes; episodes go on when the server is started again."""
        await asyncio.gather(*(pool.stop() for pool in self.pools))

    # --------------------------------------------------------------------------------- to find

    def live(self, who: Asker, run_id: str, episode_id: str) -> Live | None:
        """Return a live episode of who asks, None: there is none."""
        found = self._live.get(episode_id)
        mine = found is not None and found.run_id == run_id and who.may_see(found.owner)
        return found if mine else None

    def must(self, who: Asker, run_id: str, episode_id: str) -> Live:
        """Return a live episode.

        Raises:
            RefusedError: 404, there is none.
        """
        found = self.live(who, run_id, episode_id)
        if found is None:
            raise RefusedError(GONE.status, GONE.code, GONE.message)
        return found

    async def going_on(self, who: Asker, run: Mapping[str, Any], episode_id: str) -> Live:
        """Return a live episode, as `must`.

        Raises:
            RefusedError: 404; 409 EPISODE_COMPLETE, it is over.
        """
        if self.live(who, run["id"], episode_id) is None:
            sql = "select 1 from gert_episode where id = ? and run = ? and state = 'done'"
            if await self._api.read(sql, episode_id, run["no"]):
                raise replies.conflict(f"episode {episode_id} is over: reset begins another", "EPISODE_COMPLETE")
        return self.must(who, run["id"], episode_id)

    async def plan(self, episode: Live) -> Plan:
        """Return how an episode was begun."""
        rows = await self._api.read("select plan from gert_episode where no = ?", episode.no)
        return plans.unpacked(rows[0]["plan"])

    # -------------------------------------------------------------------------------- to begin

    def check_room(self, who: Asker, count: int) -> None:
        """Refuse more episodes than this server, or one account, may have.

        Raises:
            RefusedError: 503 HOST_AT_CAPACITY, which clients try again; 429 EPISODE_LIMIT.
        """
        if self._counts.get(who.owner, 0) + count > MOST_OF_ONE:
            told = f"{MOST_OF_ONE} live episodes are the most of one account: close some"
            raise RefusedError(429, "EPISODE_LIMIT", told)
        if sum(self._counts.values()) + count > MOST_LIVE:
            told = f"this server plays {MOST_LIVE} episodes at once: try again"
            raise RefusedError(503, "HOST_AT_CAPACITY", told, headers={"retry-after": "5"})

    async def begin(
        self,
        who: Asker,
        run: Mapping[str, Any],
        made: Sequence[Plan],
        also: Callable[[sqlite3.Connection, Sequence[str], bytes], None] | None = None,
    ) -> list[bytes]:
        """Begin episodes, all or none; return what is told of each.

        Args:
            also: writes more in the same transaction, given the episodes' ids and what is told of the first.

        Raises:
            RefusedError: there is no room, or the run has none left; FailedError, DiedError: the game failed.
        """
        count = len(made)
        self.check_room(who, count)
        self._counts[run["owner"]] = self._counts.get(run["owner"], 0) + count
        try:
            return await self._begin(run, made, also)
        finally:
            self._count(run["owner"], -count)

    async def _begin(
        self,
        run: Mapping[str, Any],
        made: Sequence[Plan],
        also: Callable[[sqlite3.Connection, Sequence[str], bytes], None] | None,
    ) -> list[bytes]:
        ids = [f"ep_{secrets.token_urlsafe(12)}" for _ in made]
        settings = await self._api.server.call(self._settings, made, ids)
        pool = 1 if made[0].others else 0
        places = self._places(pool, len(made))
        opened: dict[str, tuple[bytes, int, bytes, bool]] = {}
        try:
            answers = await asyncio.gather(
                *(self.pools[pool].ask(number, "open", settings[since:until]) for number, since, until in places)
            )
            for (_, since, until), answer in zip(places, answers, strict=True):
                opened |= dict(zip(ids[since:until], answer, strict=True))
            rows = [(one, plan, *opened[one][1:]) for one, plan in zip(ids, made, strict=True)]

            def write(db: sqlite3.Connection) -> list[int]:
                runs.claim(db, run["no"], len(ids))
                numbers = [_inserted(db, run["no"], row) for row in rows]
                if also is not None:
                    also(db, ids, opened[ids[0]][0])
                return numbers

            numbers = await self._api.server.call(self._api.rows.together, write)
        except BaseException:
            for number, since, until in places:
                self._drop((pool, number), ids[since:until])
            raise
        for number, since, until in places:
            for episode_id, no, plan in zip(ids[since:until], numbers[since:until], made[since:until], strict=True):
                _, tick, _, over = opened[episode_id]
                if over:
                    continue
                live = Live(no, episode_id, run["no"], run["id"], run["owner"], plan.began, tick)
                live.place, live.there = (pool, number), True
                self._enter(live)
                self.pools[pool].load(number, 1)
        return [opened[one][0] for one in ids]

    def _settings(self, made: Sequence[Plan], ids: Sequence[str]) -> list[Any]:
        return [plans.setting_of(plan, one, self._api.server.plugins) for plan, one in zip(made, ids, strict=True)]

    def _places(self, pool: int, count: int) -> list[tuple[int, int, int]]:
        """Return which processes take which of some episodes: a single one the idlest, several all alike."""
        processes = self.pools[pool]
        if count == 1:
            return [(processes.next(), 0, 1)]
        cuts = [count * part // processes.number for part in range(processes.number + 1)]
        return [
            (number, *cuts[number : number + 2])
            for number in range(processes.number)
            if cuts[number] < cuts[number + 1]
        ]

    # --------------------------------------------------------------------------------- to step

    async def step(self, pairs: Sequence[tuple[Live, Asked]]) -> list[Outcome]:
        """Step several episodes, each once; return in the same order once all is stored.

        Raises:
            StorageError: nothing of it could be stored, nothing is done.
        """
        async with contextlib.AsyncExitStack() as held:
            for live, _ in sorted(pairs, key=lambda pair: pair[0].no):
                await held.enter_async_context(live.lock)
            outcomes = await self._stepped(pairs)
            await self._store(pairs, outcomes)
        return outcomes

    async def _stepped(self, pairs: Sequence[tuple[Live, Asked]]) -> list[Outcome]:
        outcomes: list[Outcome] = [GONE] * len(pairs)
        await asyncio.gather(
            *(self._ready(live) for live, _ in pairs if live.open and not live.there), return_exceptions=True
        )
        groups: dict[tuple[int, int], list[int]] = {}
        for place, (live, _) in enumerate(pairs):
            if live.open:
                groups.setdefault(live.place, []).append(place)
        await asyncio.gather(*(self._ask(place, group, pairs, outcomes) for place, group in groups.items()))
        return outcomes

    async def _ask(
        self, place: tuple[int, int], group: Sequence[int], pairs: Sequence[tuple[Live, Asked]], outcomes: list[Outcome]
    ) -> None:
        """Have one process step some of the episodes; if it dies, each once more by itself."""
        there = [one for one in group if pairs[one][0].there]
        try:
            found = await self.pools[place[0]].ask(place[1], "step", [pairs[one][1] for one in there]) if there else []
        except (DiedError, FailedError):
            there = []
        for one, outcome in zip(there, found if there else [], strict=True):
            outcomes[one] = outcome
        for one in group:
            if one not in there:
                outcomes[one] = await self._ask_alone(*pairs[one])

    async def _ask_alone(self, live: Live, asked: Asked) -> Outcome:
        try:
            await self._ready(live)
            (found,) = await self.pools[live.place[0]].ask(live.place[1], "step", [asked])
        except DiedError:
            return "its process died, twice"
        except FailedError as error:
            return str(error)
        outcome: Outcome = found
        return outcome

    async def ask(self, live: Live, verb: str, *arguments: Any) -> Any:
        """Return what the process of an episode answers; the caller holds its lock.

        Raises:
            RefusedError: 404, it has ended; DiedError, FailedError.
        """
        if not live.open:
            raise RefusedError(GONE.status, GONE.code, GONE.message)
        for left in (1, 0):
            await self._ready(live)
            try:
                return await self.pools[live.place[0]].ask(live.place[1], verb, *arguments)
            except DiedError:
                if not left:
                    raise
        return None

    async def _ready(self, live: Live) -> None:
        """Have a process play an episode that none does, from what is stored.

        Raises:
            DiedError, FailedError.
        """
        if live.there:
            return
        plan = await self.plan(live)
        sql = "select tick, turns, digest from gert_episode_step where episode = ? order by tick"
        rows = [tuple(row) for row in await self._api.read(sql, live.no)]
        (setting,) = await self._api.server.call(self._settings, [plan], [live.id])
        pool = 1 if plan.others else 0
        live.place = pool, self.pools[pool].next()
        live.tick = await self.pools[pool].ask(live.place[1], "revive", setting, rows)
        self.pools[pool].load(live.place[1], 1)
        live.there = True

    async def _store(self, pairs: Sequence[tuple[Live, Asked]], outcomes: Sequence[Outcome]) -> None:
        statements: list[Statement] = []
        for (live, asked), outcome in zip(pairs, outcomes, strict=True):
            if isinstance(outcome, str):
                statements += _ended(live, "closed", live.ticks)
                self._api.server.log(f"rollout episode {live.id} is lost: {outcome}")
            elif isinstance(outcome, Stepped) and outcome.turns:
                statements += _written(live, asked, outcome)
        if statements:
            try:
                await self._scribe.store(statements)
            except BaseException:
                for live, _ in pairs:  # what is not stored has not happened
                    self._drop(live.place, [live.id])
                    self._absent(live)
                raise
        now = time.monotonic()
        for (live, _), outcome in zip(pairs, outcomes, strict=True):
            live.used = now
            if isinstance(outcome, Stepped):
                live.tick = outcome.tick
            if isinstance(outcome, str) or (isinstance(outcome, Stepped) and outcome.done):
                self._leave(live)

    async def finished(self, who: Asker, run_id: str, asked: Asked) -> Outcome:
        """Return what a step of an episode that has ended gives: its last result if that is what is asked for."""
        sql = (
            "select e.*, r.owner from gert_episode e join gert_rollout_run r on r.no = e.run"
            " where e.id = ? and r.id = ? and e.state = 'done'"
        )
        rows = await self._api.read(sql, asked.episode, run_id)
        if not rows or not who.may_see(rows[0]["owner"]):
            return GONE
        over = Refused(409, "EPISODE_COMPLETE", f"episode {asked.episode} is over: reset begins another")
        if rows[0]["last"] is None or asked.expected is None:
            return over
        before, tick, digest, result = wire.unpack(rows[0]["last"])
        if asked.expected == tick:
            return over
        try:
            return again(Stepped(result, tick, before, b"", done=True), digest, asked, tick)
        except StepRefusedError as error:
            return error.refused

    # ---------------------------------------------------------------------------------- to end

    async def close(self, live: Live) -> int:
        """Close an episode; return how many ticks it has used.

        Raises:
            RefusedError: 404, it has ended.
        """
        async with live.lock:
            if not live.open:
                raise RefusedError(GONE.status, GONE.code, GONE.message)
            await self._scribe.store(_ended(live, "closed", live.ticks))
            self._leave(live)
            self._drop(live.place, [live.id])
            return live.ticks

    async def close_all(self, run: int) -> None:
        """Close the episodes of a run."""
        for live in [one for one in self._live.values() if one.run == run]:
            with contextlib.suppress(RefusedError):  # ended meanwhile
                await self.close(live)

    async def close_idle(self) -> None:
        """Close the episodes that nobody has worked with for long."""
        before = time.monotonic() - IDLE_S
        for live in [one for one in self._live.values() if one.used < before]:
            with contextlib.suppress(RefusedError):
                await self.close(live)

    async def forget(self) -> None:
        """Forget what has ended long ago."""
        before = time.time() - REMEMBERED_S

        def write(db: sqlite3.Connection) -> None:
            ended = "select no from gert_episode where ended is not null"
            db.execute(f"delete from gert_episode_step where episode in ({ended})")  # noqa: S608 - our text
            db.execute("delete from gert_episode where ended < ?", (before,))
            db.execute("delete from gert_fork where at < ?", (before,))

        await self._api.server.call(self._api.rows.together, write)

    # ---------------------------------------------------------------------------------- inside

    def _enter(self, live: Live) -> None:
        self._live[live.id] = live
        self._count(live.owner, 1)

    def _leave(self, live: Live) -> None:
        live.open = False
        if self._live.pop(live.id, None) is not None:
            self._count(live.owner, -1)
        self._absent(live)

    def _absent(self, live: Live) -> None:
        if live.there:
            self.pools[live.place[0]].load(live.place[1], -1)
        live.there = False

    def _count(self, owner: str, more: int) -> None:
        self._counts[owner] = self._counts.get(owner, 0) + more
        if self._counts[owner] <= 0:
            del self._counts[owner]

    def _mourn(self, place: tuple[int, int]) -> None:
        for live in self._live.values():
            if live.place == place:
                self._absent(live)

    def _drop(self, place: tuple[int, int], ids: Sequence[str]) -> None:
        """Have a process forget episodes; nobody waits for it."""
        pool, number = place

        async def drop() -> None:
            with contextlib.suppress(DiedError, FailedError):
                await self.pools[pool].ask(number, "drop", list(ids))

        task = asyncio.get_running_loop().create_task(drop())
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)


def _inserted(db: sqlite3.Connection, run: int, row: tuple[str, Plan, int, bytes, bool]) -> int:
    episode_id, plan, tick, turns, over = row
    state, ended = ("done", time.time()) if over else ("live", None)
    sql = "insert into gert_episode (id, run, state, began, plan, ended) values (?, ?, ?, ?, ?, ?)"
    number = db.execute(sql, (episode_id, run, state, plan.began, plan.packed(), ended)).lastrowid
    assert number is not None
    if turns:
        db.execute("insert into gert_episode_step values (?, ?, ?, ?, null)", (number, plan.began, tick, turns))
    if over:
        db.execute("update gert_rollout_run set ticks_used = ticks_used + ? where no = ?", (tick - plan.began, run))
    return number


def _written(live: Live, asked: Asked, done: Stepped) -> list[Statement]:
    """Return what stores a step."""
    step = (live.no, done.before, done.tick, done.turns, asked.digest)
    found: list[Statement] = [("insert into gert_episode_step values (?, ?, ?, ?, ?)", step)]
    if done.done:
        last = wire.pack([done.before, done.tick, asked.digest, done.result])
        found += _ended(live, "done", done.tick - live.began, last)
    if done.won is not None:
        sql = "update gert_rollout_run set win_rate = (1 - alpha) * coalesce(win_rate, 0.5) + alpha * ? where no = ?"
        found.append((f"{sql} and auto_curriculum", (done.won, live.run)))
    return found


def _ended(live: Live, state: str, ticks: int, last: bytes | None = None) -> list[Statement]:
    return [
        ("update gert_episode set state = ?, last = ?, ended = ? where no = ?", (state, last, time.time(), live.no)),
        ("update gert_rollout_run set ticks_used = ticks_used + ? where no = ?", (ticks, live.run)),
    ]
