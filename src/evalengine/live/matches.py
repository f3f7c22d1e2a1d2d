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
import secrets
import time
from typing import TYPE_CHECKING

from evalengine import runs, wire
from evalengine.errors import EvalengineError, LiveError, Why
from evalengine.live import rows, seating, table
from evalengine.live.endings import digest_of
from evalengine.live.keeper import Keeper
from evalengine.live.sessions import Session
from evalengine.live.values import ACTIVE, WAITING, Acted, Listed, Opened, Taken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalengine.continuing import Luck
    from evalengine.live.feeds import Feed
    from evalengine.live.rows import Done, Row
    from evalengine.live.seating import Seated
    from evalengine.live.values import Position, Wish
    from evalengine.model import Action
    from evalengine.store import Store

MOST_BRANCHES = 64  # at once
_TOKENS = 16  # of one seat
_LONGEST_ACTION = 64 << 10
_LONGEST_ID = 200


class LiveMatches(Keeper):
    """All live matches of one database; one process at a time has them.

    Args:
        hosts: processes that play them, and as many for agents that compute for long; None: one a core;
        most_active, most_contained: matches at once, and those of them with agents from outside.

    Raises:
        StoreError: another process has them, or the file is foreign or newer; when it is entered.
    """

    # ------------------------------------------------------------------------------ to take part

    async def open(self, wish: Wish) -> Opened:
        """Open a match; it begins at once if nobody else is to join.

        Raises:
            UsageError: it cannot be played so; LiveError: there are too many ("busy").
        """
        self._check_room(1)
        self._opening += 1
        try:
            plan = functools.partial(seating.seated, wish, self._scribe.store, self._plugs)
            seated = await asyncio.get_running_loop().run_in_executor(self._planning, plan)
            self._check_contained(seated, 1)
            options = {"turn_s": wish.turn_s, "gone_s": wish.gone_s, "late": wish.late}
            taken = [Taken(seat, _token()) for seat in seated.remote[: wish.take]]
            session = await self._begin(seated, wish.holder, options, wish.note, taken)
        finally:
            self._opening -= 1
        return Opened(session.row.id, session.row.state, tuple(taken))

    async def join(self, live_id: str, holder: str = "") -> Taken:
        """Take a remote seat, the one that `holder` has, else the first free one; the last one begins the match.

        Raises:
            LiveError: there is no such match ("unknown"), no free seat ("full"), or it has ended ("state").
        """
        session = await self._session(live_id)
        held = [seat for seat, who in session.tokens.values() if holder and who == holder]
        if session.ended:
            raise LiveError(Why.STATE, f"match {live_id} has ended: open another")
        free = session.free()
        if not held and (not free or session.row.state != WAITING):
            raise LiveError(Why.FULL, f"match {live_id} has no free seat")
        taken = Taken(held[0] if held else free[0], _token())
        if sum(seat == taken.seat for seat, _ in session.tokens.values()) >= _TOKENS:
            raise LiveError(
                Why.FULL, f"seat {taken.seat} of {live_id} was joined {_TOKENS} times: use one of its tokens"
            )
        digest = digest_of(taken.token)
        session.tokens[digest] = taken.seat, holder
        state = session.row.state
        begins = session.row.state == WAITING and not session.free()
        if begins:
            session.row = session.row._replace(state=ACTIVE)

        def write(store: Store) -> None:
            with store.transaction():
                rows.add_token(store, digest, session.row.run, taken.seat, holder)
                if begins:
                    rows.set_state(store, session.row.run, ACTIVE)

        try:
            await self._scribe.call(write)
        except EvalengineError:
            del session.tokens[digest]
            session.row = session.row._replace(state=state)
            raise
        if begins:
            self._start(session)
            session.publish()
        return taken

    async def observe(self, live_id: str, token: str | None = None) -> Position:
        """Return where a match stands, for the seat of a token or for everybody.

        Raises:
            LiveError: there is no such match ("unknown"), or it has no such "token".
        """
        session = await self._session(live_id)
        return session.position(None if token is None else self._seat(session, token))

    async def subscribe(self, live_id: str, token: str | None = None) -> Feed:
        """Return where a match stands and what comes; `Feed.close` ends it.

        Raises:
            LiveError: as `observe`.
        """
        session = await self._session(live_id)
        return session.feed(None if token is None else self._seat(session, token))

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
        seat = self._seat(session, token)
        if action_id is not None:
            if not 0 < len(action_id) <= _LONGEST_ID:
                raise LiveError(Why.VALUE, f"an action_id has 1 to {_LONGEST_ID} characters")
            if (seat, action_id) in session.acted:
                return session.acted[seat, action_id]
            for other, known, reply in session.acting.values():
                if (other, known) == (seat, action_id):
                    return await asyncio.shield(reply)
        self._check_active(session)
        if not session.asked(seat) or (turn is not None and turn != session.shown.turn):
            raise LiveError(Why.ASKED, f"seat {seat} is not asked {f'in turn {turn} ' * (turn is not None)}now")
        packed = _packed(action)
        ticket, reply = next(self._tickets), asyncio.get_running_loop().create_future()
        session.acting[ticket] = seat, action_id, reply
        self._tell(session, (table.ACT, ticket, seat, session.shown.turn, packed))
        return await asyncio.shield(reply)

    async def leave(self, live_id: str, token: str) -> None:
        """Leave a seat: an agent goes on for it; a match with no remote seat left ends as failed, "left".

        Raises:
            LiveError: "unknown", "token", or it has ended ("state").
        """
        session = await self._session(live_id)
        seat = self._seat(session, token)
        if session.row.state == WAITING:
            await self._vacate(session, seat)
            return
        self._check_active(session)
        if seat in session.left:
            return
        if not self._is_played(session):
            raise LiveError(Why.BUSY, f"match {live_id} is being begun again: ask again")
        done = session.leaving.setdefault(seat, asyncio.get_running_loop().create_future())
        self._tell(session, (table.LEAVE, seat, -1, "left", False))
        await asyncio.shield(done)

    async def close(self, live_id: str, reason: str = "closed") -> None:
        """End a match without a result: it has failed. Does nothing to one that has ended.

        Raises:
            LiveError: there is no such match ("unknown").
        """
        session = await self._session(live_id)
        if not session.ended:
            await self._fail(session, reason)

    # ------------------------------------------------------------------------------- to continue

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
        if not 1 <= count <= MOST_BRANCHES:
            raise LiveError(Why.VALUE, f"{count} branches are not 1 to {MOST_BRANCHES}")
        self._check_room(count)
        row = session.row
        done: list[Done] = await self._scribe.call(lambda store: rows.actions(store, row.run))
        last = self._last_turn(session)
        turn = (last // 2 if session.ended else last) if turn is None else turn
        last -= session.ended
        if not 0 <= turn <= last or row.state == WAITING:
            raise LiveError(Why.VALUE, f"match {live_id} can be continued from turns 0 to {last}, not {turn}")
        parent = await self._reread(session, done)
        self._check_contained(parent, count)
        self._opening += count
        try:
            return await self._continue(parent, row, done, turn, count, luck, holder)
        finally:
            self._opening -= count

    async def _continue(  # noqa: PLR0917 - as `branch`
        self, parent: Seated, row: Row, done: list[Done], turn: int, count: int, luck: Luck | None, holder: str
    ) -> list[Opened]:
        made = []
        for sample in range(count):
            child = seating.branched(parent, row.run, done, turn, sample, luck)
            taken = [Taken(seat, _token()) for seat in child.remote]
            begun = await self._begin(child, holder, row.options, row.note, taken, parent=row, turn=turn, done=done)
            made.append(Opened(begun.row.id, begun.row.state, tuple(taken)))
        return made

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
        found = await self._scribe.call(lambda store: rows.listed(store, state, holder, parent, before, limit))
        return [self._listed(*one) for one in found]

    async def show(self, live_id: str) -> Listed:
        """Return one live match as a list shows it.

        Raises:
            LiveError: there is none ("unknown").
        """
        row = (await self._session(live_id)).row
        return self._listed(row, *await self._scribe.call(lambda store: rows.names(store, row)))

    async def turns(self, live_id: str) -> list[Done]:
        """Return the stored answers of a match by turn and seat, those of its parent first: what a log shows.

        Raises:
            LiveError: there is no such match ("unknown").
        """
        run = (await self._session(live_id)).row.run
        found: list[Done] = await self._scribe.call(lambda store: rows.actions(store, run))
        return found

    async def forget(self, age_s: float) -> int:
        """Forget live matches that ended so long ago, with their tokens; the matches that they became stay stored."""
        before = time.time() - age_s
        found: int = await self._scribe.call(lambda store: rows.forget(store, before))
        return found

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes that play."""
        return self._hosts.pids

    @property
    def counts(self) -> Mapping[str, int]:
        """What a monitor shows: matches that have not ended, those who follow, transactions and answers stored."""
        return {
            "matches": len(self._sessions),
            "feeds": sum(len(session.feeds) for session in self._sessions.values()),
            "transactions": self._scribe.transactions,
            "stored": self._scribe.entries,
        }

    # ------------------------------------------------------------------------------------ inside

    async def _reread(self, session: Session, done: list[Done]) -> Seated:
        """Return what is fixed of a match, of one that has ended from the database.

        Raises:
            StoreError: its game is not what it was.
        """
        if session.entry is not None:
            return seating.reread(session.row, done, session.entry)
        run = await self._scribe.call(lambda store: runs.reopen(store, session.row.run, self._plugs))
        return seating.reread(session.row, done, run.entry)

    def _last_turn(self, session: Session) -> int:
        """Return the last turn that a match can be continued from: the one that is asked, or how many there were."""
        return max(0, session.position(None).turn)

    def _listed(self, row: Row, game: str, agents: list[str]) -> Listed:
        going_on = self._sessions.get(row.id)
        return Listed(
            id=row.id,
            run=row.run,
            game=game,
            agents=agents,
            remote=row.remote,
            holder=row.owner,
            created=row.created,
            ended=row.ended,
            parent=row.parent,
            turn=row.turn,
            note=row.note,
            position=(going_on or Session(row, {})).position(None),
        )


def _token() -> str:
    return secrets.token_urlsafe(32)


def _packed(action: Action) -> bytes:
    """Return an action as bytes.

    Raises:
        LiveError: it is no value, or too large.
    """
    try:
        packed = wire.pack(action)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise LiveError(Why.VALUE, f"an action is a value of JSON: {error}") from error
    if len(packed) > _LONGEST_ACTION:
        raise LiveError(Why.VALUE, f"an action has at most {_LONGEST_ACTION >> 10} KiB")
    return packed
