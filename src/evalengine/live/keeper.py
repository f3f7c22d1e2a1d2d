"""What keeps live matches going: begun, gone on with after a death, told of what is stored, ended."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import secrets
import sqlite3
from typing import TYPE_CHECKING, Any

from evalengine import playing, runs
from evalengine.errors import EvalengineError, LiveError, Why
from evalengine.live import beginnings, endings, hearing, messages, rows, seating
from evalengine.live.beginnings import Beginning
from evalengine.live.doing import Doing
from evalengine.live.lateness import Lateness
from evalengine.live.plays import Plays
from evalengine.live.scribe import Entry, Scribe
from evalengine.live.sessions import Session
from evalengine.live.values import ACTIVE, WAITING, Taken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from evalengine.live.beginnings import Origin
    from evalengine.live.rows import Done, Row
    from evalengine.live.seating import Seated
    from evalengine.live.sessions import Play
    from evalengine.model import Played
    from evalengine.plugins import Plugins
    from evalengine.store import Store

_log = logging.getLogger(__name__)
_GONE = "it cannot go on: its game or an agent is not what it was"  # who plays learns no path of ours
_DEATHS = 3  # in a row, of processes that owed a match an answer, after which it is given up
_FULL_S = 1.0  # before what could not be stored is tried again
_LONGEST_FULL_S = 30.0


class Keeper:
    """The live matches of one database that have not ended.

    Attributes:
        sessions: they, by id; scribe: who writes; plays: which process plays which; doing: what is done meanwhile.
    """

    scribe: Scribe
    plays: Plays

    def __init__(self, path: Path, plugs: Plugins, hosts: int | None, hung_s: float) -> None:
        self.plugs = plugs
        self.sessions: dict[str, Session] = {}
        self._path = path
        self._number = hosts or len(os.sched_getaffinity(0))
        self._hung_s = hung_s
        self._lateness = Lateness(self._late)
        self.doing = Doing()

    async def start(self) -> None:
        """Take the database and go on with what had not ended.

        Raises:
            StoreError: another process has its live matches, or the file is foreign or newer.
        """
        self.scribe = Scribe(self._path)
        self.plays = Plays(self._number, self._hear, self._orphaned, self._hung_s)
        await self.scribe.start()
        await self.plays.start()
        await self.scribe.call(rows.end_unbegun)
        for row in await self.scribe.call(rows.going_on):
            await self._go_on(row)

    async def stop(self) -> None:
        """Let go of the database; what has not ended goes on when it is taken again."""
        await self.plays.stop()
        await self.doing.stop()  # what was asked of the scribe is done all the same
        for session in self.sessions.values():
            self._lateness.disarm(session)
            session.fail_waiting(LiveError(Why.BUSY, "the server stops: ask again later"))
            for feed in list(session.feeds):
                feed.close()
        await self.scribe.stop()

    # ------------------------------------------------------------------------- to begin, to go on

    async def begin(  # noqa: PLR0917 - what a live match begins with
        self,
        seated: Seated,
        holder: str,
        options: Mapping[str, Any],
        note: Mapping[str, Any],
        taken: Sequence[Taken],
        origin: Origin | None = None,
    ) -> Session:
        """Store a live match with its run and tokens, and begin it if all its seats are taken."""
        state = ACTIVE if len(taken) == len(seated.remote) else WAITING
        tokens = {endings.digest_of(one.token): (one.seat, holder) for one in taken}
        new = Beginning(secrets.token_urlsafe(12), state, seated, holder, options, note, tokens, origin)
        row = await self.scribe.call(new.store)
        session = Session(row, tokens)
        self._keep(session, seated, new.done)
        if state == ACTIVE:
            self.play(session, new.done)
        return session

    def play(self, session: Session, done: Sequence[Done] = ()) -> None:
        """Let a process play a match, from where its stored answers end."""
        seated = session.seated
        assert seated is not None
        script = tuple((one.turn, one.seat, one.what, one.info, one.think_us * 1000) for one in done)
        setting = messages.Setting(
            orders=playing.orders(seated.entry, self.scribe.store, self.plugs),
            spec=seated.spec,
            remote=frozenset(seated.remote),
            stand_in=seated.stand_in,
            script=script,
            left=dict(session.left),
            hung_s=self._hung_s,
        )
        self.plays.begin(session, setting)

    def _keep(self, session: Session, seated: Seated, done: Sequence[Done]) -> None:
        session.seated = seated
        session.acted = endings.acted_of(done)
        self.sessions[session.row.id] = session

    async def _go_on(self, row: Row) -> None:
        """Go on with a match that another process has begun; finish one that it had stored, but not ended."""
        try:
            found = await self.scribe.call(functools.partial(beginnings.going_on, self.plugs, row.run))
        except Exception as error:  # noqa: BLE001 - of one match, whose game is gone, for example: the others go on
            _log.warning("live match %s cannot go on: %s", row.id, error)
            await self.scribe.call(functools.partial(endings.fail, row.run, _GONE))
            return
        if found.run.played:
            await self.scribe.call(functools.partial(endings.complete, self.plugs, found.run, []))
            return
        session = Session(row, found.tokens)
        session.left = found.left
        self._keep(session, seating.reread(row, found.done, found.run.entry), found.done)
        all_left = row.remote and not set(row.remote) - session.left.keys()  # killed between the last leave and the end
        if row.state == ACTIVE and all_left:
            await self.fail(session, "left")
        elif row.state == ACTIVE:
            self.play(session, found.done)

    async def _play_again(self, session: Session, after_s: float = 0.0) -> None:
        """Play a match again up to where its stored actions end."""
        await asyncio.sleep(after_s)
        if session.ended:
            return
        done, left = await self.scribe.call(
            lambda store: (rows.actions(store, session.row.run), rows.left(store, session.row.run))
        )
        if session.ended:  # closed meanwhile
            return
        session.left = left
        assert session.seated is not None
        self._keep(session, seating.reread(session.row, done, session.seated.entry), done)
        self.play(session, done)

    def _orphaned(self, sessions: Sequence[Session], blamed: bool) -> None:  # noqa: FBT001 - as it is called
        """Play the matches of a process that died again, elsewhere or in the one that took its place."""
        for session in sessions:
            self._lateness.disarm(session)
            session.deaths += session.busy and blamed
            session.fail_waiting(LiveError(Why.BUSY, "the process that played the match died: ask again"))
            if session.deaths >= _DEATHS:
                self.doing.later(self._give_up(session, f"the process that played it died {_DEATHS} times in a row"))
            else:
                self.doing.later(self._play_again(session))

    def _elsewhere(self, session: Session, after_s: float = 0.0) -> None:
        """Play a match again from what is stored of it, in another process or a while later."""
        self.plays.tell(session, (messages.CLOSE,))
        self.plays.drop(session)
        self._lateness.disarm(session)
        self.doing.later(self._play_again(session, after_s))

    # ------------------------------------------------------------------- what the processes say

    def _hear(self, play: Play, kind: int, fields: Sequence[Any]) -> None:
        """Put what a process says of a match in line to be stored; told of once it is."""
        write = hearing.writing(play.session, kind, fields)
        self.scribe.put(Entry(play, write, functools.partial(self._stored, play, kind, fields)))

    def _stored(self, play: Play, kind: int, fields: Sequence[Any], problem: Exception | None) -> None:
        session = play.session
        if session.ended or session.play is not play:
            return
        if problem is None:
            self._take(session, kind, fields)
            return
        # What was said after it must not be told either: the match is where its stored actions end.
        _log.error("live match %s: %s", session.row.id, problem)
        session.fail_waiting(problem)
        self._elsewhere(session, _FULL_S)

    def _take(self, session: Session, kind: int, fields: Sequence[Any]) -> None:
        if kind == messages.DID:
            hearing.did(session, *fields)
        elif kind == messages.AT:
            hearing.at(session, *fields)
            self._lateness.arm(session)
        elif kind == messages.REFUSED:
            hearing.refused(session, *fields)
        elif kind == messages.LEFT:
            hearing.left(session, *fields)
            if not set(session.row.remote) - session.left.keys():
                self.doing.later(self._give_up(session, fields[-1]))
            else:
                self._lateness.arm(session)
        elif kind == messages.OVER:
            self.doing.later(self._complete(session, endings.played_of(fields[0])))
        elif kind == messages.HUNG:
            self.plays.end_host(session)
            self.doing.later(self._give_up(session, fields[0]))
        elif not session.slow:  # it plays on where agents that compute for long keep only one another waiting
            session.slow = True
            self._elsewhere(session)

    def _late(self, session: Session, seat: int, reason: str) -> None:
        forfeits = session.row.options.get("late") == "forfeit"
        self.plays.tell(session, (messages.LEAVE, seat, session.shown.turn, reason, forfeits))

    # -------------------------------------------------------------------------------- the end

    async def _complete(self, session: Session, played: Played) -> None:
        seated = session.seated
        assert seated is not None

        def complete(store: Store) -> Row:
            run = runs.Run(store, session.row.run, seated.entry, self.plugs)
            run.sizes = {0: 1}
            return endings.complete(self.plugs, run, [(seated.spec, played)], store)

        await self._end_at_last(session, complete)

    async def _end_at_last(self, session: Session, store_end: Callable[[Store], Row]) -> None:
        """End a match once that can be stored: a disk that is full may not stay so."""
        after_s = _FULL_S
        while not session.ended:
            try:
                row = await self.scribe.call(store_end)
            except (EvalengineError, sqlite3.Error) as error:
                _log.error("live match %s has ended, which could not be stored: %s", session.row.id, error)
                await asyncio.sleep(after_s)
                after_s = min(2 * after_s, _LONGEST_FULL_S)
            else:
                self._end(session, row)

    async def fail(self, session: Session, reason: str) -> None:
        """End a match without a result, at once.

        Raises:
            StorageError: that could not be stored: the match goes on.
        """
        self._end(session, await self.scribe.call(functools.partial(endings.fail, session.row.run, reason)))

    async def _give_up(self, session: Session, reason: str) -> None:
        """End a match that cannot go on, once that can be stored."""
        await self._end_at_last(session, functools.partial(endings.fail, session.row.run, reason))

    async def vacate(self, session: Session, seat: int) -> None:
        """Free a seat of a match that has not begun; without any it ends."""

        def write(store: Store) -> None:
            with store.transaction():
                rows.drop_tokens(store, session.row.run, seat)

        await self.scribe.call(write)
        session.tokens = {digest: held for digest, held in session.tokens.items() if held[0] != seat}
        if not session.tokens:
            await self.fail(session, "left")

    def _end(self, session: Session, row: Row) -> None:
        if session.ended:
            return
        self._lateness.disarm(session)
        self.plays.tell(session, (messages.CLOSE,))
        self.plays.drop(session)
        self.sessions.pop(row.id, None)
        session.row, session.seated = row, None
        for done in session.leaving.values():
            if not done.done():
                done.set_result(None)
        session.fail_waiting(LiveError(Why.STATE, f"match {row.id} has ended"))
        session.publish()
