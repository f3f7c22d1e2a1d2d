"""Live matches, as a server drives them: opened, joined, acted in, followed, left, branched, closed; in one event loop.

    async with LiveMatches(path, plugs) as live:
        opened = await live.open(Wish(game="tictactoe", seats=[None, "random"]))
        (mine,) = opened.seats
        async for position in await live.subscribe(opened.id, mine.token):
            if position.question is not None:
                await live.act(opened.id, mine.token, position.question.legal[0])

What is told to anybody is stored before: after any death of the process matches go on from their actions.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import time
from typing import TYPE_CHECKING, Self

from evalengine.errors import LiveError, Why
from evalengine.live import endings, holding, messages, opening, rows
from evalengine.live.keeper import Keeper
from evalengine.live.room import MOST_ACTIVE, MOST_CONTAINED, MOST_HELD, Room
from evalengine.live.sessions import Acting, Session
from evalengine.live.values import WAITING, Acted, Listed, Opened, Taken

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from evalengine.continuing import Luck
    from evalengine.live.feeds import Feed
    from evalengine.live.rows import Done, Row
    from evalengine.live.values import Position, Wish
    from evalengine.model import Action
    from evalengine.plugins import Plugins

HUNG_S = 60.0


class LiveMatches:
    """All live matches of one database; one process at a time has them.

    Args:
        hosts: processes that play them, and as many for agents that compute for long; None: one a core;
        most_active, most_contained, most_held: matches at once, those of them with agents from outside, and those of
        one holder;
        hung_s: after which a game or a bundled agent that does not return has failed its match.

    Raises:
        StoreError: another process has them, or the file is foreign or newer; when it is entered.
    """

    def __init__(
        self,
        path: Path,
        plugs: Plugins,
        *,
        hosts: int | None = None,
        most_active: int = MOST_ACTIVE,
        most_contained: int = MOST_CONTAINED,
        most_held: int = MOST_HELD,
        hung_s: float = HUNG_S,
    ) -> None:
        self._keeper = Keeper(path, plugs, hosts, hung_s)
        self._room = Room(self._keeper.sessions, most_active, most_contained, most_held)
        self._planning = opening.Planning(plugs)
        self._tickets = itertools.count(1)

    async def __aenter__(self) -> Self:
        """Take the database and go on with what had not ended."""
        await self._keeper.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop; what has not ended goes on when the database is taken again."""
        await self._keeper.stop()
        self._planning.stop()

    # ------------------------------------------------------------------------------ to take part

    async def open(self, wish: Wish) -> Opened:
        """Open a match; it begins at once if nobody else is to join.

        Raises:
            UsageError: it cannot be played so; LiveError: there are too many, or too many of the holder's ("busy").
        """
        opened = opening.opened(self._keeper, self._room, wish, self._planning)
        return await self._keeper.doing.whole(opened)

    async def join(self, live_id: str, holder: str = "") -> Taken:
        """Take a remote seat, the one that `holder` has, else the first free one; the last one begins the match.

        Raises:
            LiveError: there is no such match ("unknown"), no free seat ("full"), or it has ended ("state").
        """
        session = await self._session(live_id)
        return await self._keeper.doing.whole(opening.joined(self._keeper, session, holder))

    async def rejoin(self, live_id: str, holder: str) -> list[Taken]:
        """Take all remote seats that `holder` has again, with a further token for each; else join.

        Raises:
            LiveError: as `join`.
        """
        session = await self._session(live_id)
        return await self._keeper.doing.whole(opening.rejoined(self._keeper, session, holder))

    async def observe(self, live_id: str, token: str | None = None) -> Position:
        """Return where a match stands, for the seat of a token or for everybody.

        Raises:
            LiveError: there is no such match ("unknown"), or it has no such "token".
        """
        session = await self._session(live_id)
        return session.position(None if token is None else holding.seat_of(session, token))

    async def subscribe(self, live_id: str, token: str | None = None) -> Feed:
        """Return where a match stands and what comes; `Feed.close` ends it.

        Raises:
            LiveError: as `observe`.
        """
        session = await self._session(live_id)
        return session.feed(None if token is None else holding.seat_of(session, token))

    async def act(
        self, live_id: str, token: str, action: Action, *, action_id: str | None = None, turn: int | None = None
    ) -> Acted:
        """Return once an action is stored, or was refused; what was stored under an `action_id` is not done again.

        Args:
            turn: that it is meant for; None: the one that is asked.

        Raises:
            LiveError: "unknown", "token"; the match is not active ("state"), does not ask this seat now ("asked"), or
                the action is no value ("value"). StorageError: it could not be stored.
        """
        session = await self._session(live_id)
        seat = holding.seat_of(session, token)
        told = holding.known(session, seat, action_id)
        if told is not None:
            return told if isinstance(told, Acted) else await asyncio.shield(told)
        holding.check_asked(session, seat, turn)
        packed = holding.packed(action)
        ticket, reply = next(self._tickets), asyncio.get_running_loop().create_future()
        session.acting[ticket] = Acting(seat, action_id, reply)
        self._keeper.plays.tell(session, (messages.ACT, ticket, seat, session.shown.turn, packed))
        return await asyncio.shield(reply)

    async def leave(self, live_id: str, token: str) -> None:
        """Leave a seat: an agent goes on for it; a match with no remote seat left ends as failed, "left".

        Raises:
            LiveError: "unknown", "token", or it has ended ("state").
        """
        session = await self._session(live_id)
        seat = holding.seat_of(session, token)
        if session.row.state == WAITING:
            await self._keeper.doing.whole(self._keeper.vacate(session, seat))
            return
        holding.check_active(session)
        if seat in session.left:
            return
        if session.play is None:
            raise LiveError(Why.BUSY, f"match {live_id} is being begun again: ask again")
        done = session.leaving.setdefault(seat, asyncio.get_running_loop().create_future())
        self._keeper.plays.tell(session, (messages.LEAVE, seat, -1, "left", False))
        await asyncio.shield(done)

    async def close(self, live_id: str, reason: str = "closed") -> None:
        """End a match without a result: it has failed. Does nothing to one that has ended.

        Raises:
            LiveError: there is no such match ("unknown").
        """
        session = await self._session(live_id)
        if not session.ended:
            await self._keeper.doing.whole(self._keeper.fail(session, reason))

    async def branch(
        self, live_id: str, turn: int | None = None, count: int = 1, luck: Luck | None = None, holder: str = ""
    ) -> list[Opened]:
        """Open matches that continue this one from a turn on; its remote seats are all the caller's. It is not changed.

        Args:
            turn: the first that is played anew, up to the one that is asked; None: that one, or the middle of a match
                that has ended;
            luck: "fresh", of each its own, or the "same" as the parent's; None: fresh, where the game can.

        Raises:
            UsageError: the game cannot be continued so; LiveError: "unknown", "state", "busy", or a "value".
        """
        session = await self._session(live_id)
        made = opening.branched(self._keeper, self._room, session, turn, count, luck, holder)
        return await self._keeper.doing.whole(made)

    # ------------------------------------------------------------------------------- to look at

    async def listed(
        self,
        *,
        state: str | None = None,
        holder: str | None = None,
        parent: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[Listed]:
        """Return live matches, the newest first: at most `limit`, of runs before `before` only.

        Args:
            holder: who opened them; parent: whose branches they are.
        """
        found = await self._keeper.scribe.call(lambda store: rows.listed(store, state, holder, parent, before, limit))
        return [self._listed(*one) for one in found]

    async def show(self, live_id: str) -> Listed:
        """Return one live match as a list shows it.

        Raises:
            LiveError: there is none ("unknown").
        """
        row = (await self._session(live_id)).row
        return self._listed(row, *await self._keeper.scribe.call(lambda store: rows.names(store, row)))

    async def turns(self, live_id: str) -> list[Done]:
        """Return the stored answers of a match by turn and seat, those of its parent first: what a log shows.

        Raises:
            LiveError: there is no such match ("unknown").
        """
        run = (await self._session(live_id)).row.run
        found: list[Done] = await self._keeper.scribe.call(lambda store: rows.actions(store, run))
        return found

    async def forget(self, age_s: float) -> int:
        """Forget live matches that ended so long ago, with their tokens; the matches that they became stay stored."""
        before = time.time() - age_s
        found: int = await self._keeper.scribe.call(lambda store: rows.forget(store, before))
        return found

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes that play."""
        return self._keeper.plays.pids

    @property
    def counts(self) -> Mapping[str, int]:
        """What a monitor shows: matches that have not ended, those who follow, transactions and answers stored."""
        sessions, scribe = self._keeper.sessions, self._keeper.scribe
        return {
            "matches": len(sessions),
            "feeds": sum(len(session.feeds) for session in sessions.values()),
            "transactions": scribe.transactions,
            "stored": scribe.entries,
        }

    # ------------------------------------------------------------------------------------ inside

    async def _session(self, live_id: str) -> Session:
        """Return a live match, one that has ended from the database.

        Raises:
            LiveError: there is none ("unknown").
        """
        found = self._keeper.sessions.get(live_id)
        if found is None:
            found = await self._keeper.scribe.call(functools.partial(endings.ended, live_id))
        if found is None:
            raise LiveError(Why.UNKNOWN, f"there is no live match {live_id[:40]!r}")
        return found

    def _listed(self, row: Row, game: str, agents: list[str]) -> Listed:
        session = self._keeper.sessions.get(row.id) or Session(row, {})
        return session.listed(game, agents)
