"""Where all episodes are played: begun, stepped and ended, in processes that may die, and stored before it is told."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from typing import TYPE_CHECKING, Any

from evalengine_gertlabs import replies
from evalengine_gertlabs.rollouts import plans, rows, runs
from evalengine_gertlabs.rollouts.casting import Casting
from evalengine_gertlabs.rollouts.lives import GONE, Live, Lives, gone, live_of
from evalengine_gertlabs.rollouts.processes import DiedError, FailedError, Processes
from evalengine_gertlabs.rollouts.scribe import Scribe
from evalengine_gertlabs.rollouts.settings import Asked, Lost, Refused, Stepped

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence

    from evalengine_gertlabs.api import Api
    from evalengine_gertlabs.owners import Asker
    from evalengine_gertlabs.rollouts.plans import Plan
    from evalengine_gertlabs.rollouts.scribe import Statement

    Also = Callable[[sqlite3.Connection, Sequence[str], bytes], None]

IDLE_S = 600.0
REMEMBERED_S = 900.0  # of an episode that has ended, and of forks
NICE = 5
SILENT_S, THINKING_S = 30.0, 85.0  # after which a process hangs: one that steps, and one where agents think
Outcome = Stepped | Refused | Lost
"""What became of a step."""


class Hall:
    """Begins, steps and ends episodes. Everything here is for the event loop."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._scribe = Scribe(api)
        self.casting = Casting(api)
        # Agents think in processes of their own, that yield: who has no opponents never waits for another's.
        self.pools = (self._pool(0, 0, SILENT_S), self._pool(1, NICE, THINKING_S))
        self.lives = Lives(self.pools)
        self._dropping: set[asyncio.Task[None]] = set()

    def _pool(self, pool: int, nice: int, silent_s: float) -> Processes:
        return Processes(len(os.sched_getaffinity(0)), nice, silent_s, lambda number: self.lives.mourn((pool, number)))

    async def start(self) -> None:
        """Take up what was live when the server ended; it is begun again when somebody asks for it."""
        for row in await self._api.read(rows.LIVE):
            self.lives.enter(live_of(row))

    async def stop(self) -> None:
        """End the processes; episodes go on when the server is started again."""
        await asyncio.gather(*(pool.stop() for pool in self.pools))

    async def going_on(self, who: Asker, run: Mapping[str, Any], episode_id: str) -> Live:
        """Return a live episode.

        Raises:
            RefusedError: 404, there is none; 409 EPISODE_COMPLETE, it is over.
        """
        if self.lives.find(who, run["id"], episode_id) is None:
            sql = "select 1 from gert_episode where id = ? and run = ? and state = 'done'"
            if await self._api.read(sql, episode_id, run["no"]):
                msg = f"episode {episode_id} is over: reset begins another"
                raise replies.conflict(msg, "EPISODE_COMPLETE")
        return self.lives.must(who, run["id"], episode_id)

    async def plan(self, episode: Live) -> Plan:
        """Return how an episode was begun."""
        ((plan, turns),) = await self._api.read(rows.PLAN, episode.no)
        return plans.unpacked(plan, turns)

    # -------------------------------------------------------------------------------- to begin

    async def begin(self, run: Mapping[str, Any], made: Sequence[Plan], also: Also | None = None) -> list[bytes]:
        """Begin episodes, all or none; return what is told of each.

        Args:
            also: writes more in the same transaction, given the episodes' ids and what is told of the first.

        Raises:
            RefusedError: there is no room, or the run has none left; FailedError, DiedError: the game failed.
        """
        owner, count = run["owner"], len(made)
        self.lives.check_room(owner, count)
        self.lives.count(owner, count)
        try:
            return await self._begin(run, made, also)
        finally:
            self.lives.count(owner, -count)

    async def _begin(self, run: Mapping[str, Any], made: Sequence[Plan], also: Also | None) -> list[bytes]:
        ids = [f"ep_{secrets.token_urlsafe(12)}" for _ in made]
        settings = await self._api.server.call(self.casting.settings, made, ids)
        pool = 1 if made[0].others else 0
        parts = self._parts(pool, len(made))
        try:
            asked = [self.pools[pool].ask(number, "open", settings[since:until]) for number, since, until in parts]
            opened = [one for answer in await asyncio.gather(*asked) for one in answer]

            def write(db: sqlite3.Connection) -> list[int]:
                runs.claim(db, run["no"], len(ids))
                numbers = rows.all_inserted(db, run["no"], zip(ids, made, opened, strict=True))
                if also is not None:
                    also(db, ids, opened[0][0])
                return numbers

            numbers = await self._api.server.call(self._api.rows.together, write)
        except BaseException:
            for number, since, until in parts:
                self._drop((pool, number), ids[since:until])
            raise
        for number, since, until in parts:
            for place in range(since, until):
                _, tick, _, over = opened[place]
                if not over:
                    row = numbers[place], ids[place], run["no"], run["id"], run["owner"], made[place].began, tick
                    live = Live(row)
                    self.lives.enter(live)
                    self.lives.present(live, (pool, number))
        return [told for told, _, _, _ in opened]

    def _parts(self, pool: int, count: int) -> list[tuple[int, int, int]]:
        """Return which processes take which of some episodes: a single one the idlest, several all alike."""
        processes = self.pools[pool]
        if count == 1:
            return [(processes.next(), 0, 1)]
        cuts = [count * part // processes.number for part in range(processes.number + 1)]
        return [(number, cuts[number], cuts[number + 1]) for number in range(processes.number) if cuts[number + 1]]

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
        absent = [live for live, _ in pairs if live.open and not live.there]
        await asyncio.gather(*map(self._ready, absent), return_exceptions=True)  # told when it is stepped
        groups: dict[tuple[int, int], list[int]] = {}
        alone: list[int] = []
        for place, (live, _) in enumerate(pairs):
            if live.open:
                (groups.setdefault(live.place, []) if live.there else alone).append(place)
        for failed in await asyncio.gather(*(self._ask(*group, pairs, outcomes) for group in groups.items())):
            alone += failed
        for place in alone:
            outcomes[place] = await self._ask_alone(*pairs[place])
        return outcomes

    async def _ask(
        self,
        process: tuple[int, int],
        group: Sequence[int],
        pairs: Sequence[tuple[Live, Asked]],
        outcomes: list[Outcome],
    ) -> Sequence[int]:
        """Have one process step some of the episodes; return those that it did not, since it died."""
        try:
            found = await self.pools[process[0]].ask(process[1], "step", [pairs[place][1] for place in group])
        except (DiedError, FailedError):
            return group
        for place, outcome in zip(group, found, strict=True):
            outcomes[place] = _told(pairs[place][0], outcome)
        return ()

    async def _ask_alone(self, live: Live, asked: Asked) -> Outcome:
        """Step an episode once more by itself."""
        try:
            (found,) = await self.ask(live, "step", [asked])
        except DiedError:
            found = "the process that played it died each time"
        except FailedError as error:
            found = str(error)
        return _told(live, found)

    async def ask(self, live: Live, verb: str, *arguments: Any) -> Any:
        """Return what the process of an episode answers; the caller holds its lock.

        Raises:
            RefusedError: 404, it has ended; DiedError, FailedError.
        """
        if not live.open:
            raise gone()
        for left in (1, 0):
            try:
                await self._ready(live)
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
        steps = [tuple(row) for row in await self._api.read(rows.STEPS, live.no)]
        setting = await self._api.server.call(self.casting.setting, plan, live.id)
        pool = 1 if plan.others else 0
        number = self.pools[pool].next()
        live.tick = await self.pools[pool].ask(number, "revive", setting, steps)
        self.lives.present(live, (pool, number))

    async def _store(self, pairs: Sequence[tuple[Live, Asked]], outcomes: Sequence[Outcome]) -> None:
        statements: list[Statement] = []
        for (live, asked), outcome in zip(pairs, outcomes, strict=True):
            if isinstance(outcome, Lost):
                statements += rows.ended(live, "closed", outcome.ticks)
                self._api.server.log(f"rollout episode {live.id} is lost: {outcome.reason}")
            elif isinstance(outcome, Stepped) and outcome.turns:
                statements += rows.written(live, asked, outcome)
        if statements:
            try:
                await self._scribe.store(statements)
            except BaseException:
                for live, _ in pairs:  # what is not stored has not happened
                    self._drop(live.place, [live.id])
                    self.lives.absent(live)
                raise
        for (live, _), outcome in zip(pairs, outcomes, strict=True):
            live.used = time.monotonic()
            if isinstance(outcome, Stepped):
                live.tick = outcome.tick
            if isinstance(outcome, Lost) or (isinstance(outcome, Stepped) and outcome.done):
                self.lives.leave(live)

    async def finished(self, who: Asker, run_id: str, asked: Asked) -> Outcome:
        """Return what a step of an episode that has ended gives."""
        found = await self._api.read(rows.DONE, asked.episode, run_id)
        return rows.told_again(found[0] if found and who.may_see(found[0]["owner"]) else None, asked)

    # ---------------------------------------------------------------------------------- to end

    async def close(self, live: Live) -> int:
        """Close an episode; return how many ticks it has used.

        Raises:
            RefusedError: 404, it has ended.
        """
        async with live.lock:
            if not live.open:
                raise gone()
            await self._scribe.store(rows.ended(live, "closed", live.ticks))
            there = live.there
            self.lives.leave(live)
            if there:
                self._drop(live.place, [live.id])
            return live.ticks

    async def close_all(self, run: int) -> None:
        """Close the episodes of a run."""
        await self._close([live for live in self.lives if live.run == run])

    async def close_idle(self) -> None:
        """Close the episodes that nobody has worked with for long."""
        before = time.monotonic() - IDLE_S
        await self._close([live for live in self.lives if live.used < before and not live.lock.locked()])

    async def _close(self, lives: Sequence[Live]) -> None:
        done = await asyncio.gather(*map(self.close, lives), return_exceptions=True)
        for error in done:
            if isinstance(error, BaseException) and getattr(error, "status", 0) != GONE.status:
                raise error

    async def forget(self) -> None:
        """Forget what has ended long ago."""
        before = time.time() - REMEMBERED_S
        await self._api.server.call(self._api.rows.together, lambda db: rows.forgotten(db, before))

    def _drop(self, place: tuple[int, int], ids: Sequence[str]) -> None:
        """Have a process forget episodes; nobody waits for it."""
        if not self.pools[place[0]].runs(place[1]):
            return

        async def drop() -> None:
            with contextlib.suppress(DiedError, FailedError):
                await self.pools[place[0]].ask(place[1], "drop", list(ids))

        task = asyncio.get_running_loop().create_task(drop())
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)


def _told(live: Live, outcome: Stepped | Refused | str) -> Outcome:
    """Return what a process says of a step: a text says that the episode is lost."""
    return Lost(outcome, live.ticks) if isinstance(outcome, str) else outcome
