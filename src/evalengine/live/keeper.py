"""What keeps live matches going: begun, gone on with after a death, told of what is stored, ended, and who is late."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import itertools
import logging
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

from evalengine import database, playing, runs
from evalengine.errors import EvalengineError, LiveError, StoreError, Why
from evalengine.live import endings, rows, seating, table
from evalengine.live.hosts import Hosts
from evalengine.live.rows import Row
from evalengine.live.scribe import Entry, Line, Scribe
from evalengine.live.sessions import Session, Shown
from evalengine.live.table import Setting
from evalengine.live.values import ACTIVE, WAITING, Acted
from evalengine.model import Played, Termination

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from pathlib import Path

    from evalengine.live.rows import Done
    from evalengine.live.seating import Seated
    from evalengine.live.values import Taken
    from evalengine.plugins import Plugins
    from evalengine.runs import Run
    from evalengine.store import Store

_log = logging.getLogger(__name__)
MOST_ACTIVE = 1_000  # that have not ended
MOST_CONTAINED = 16  # of them with agents from outside, each with processes of its own
_DEATHS = 3  # in a row, of processes that owed a match an answer, after which it is given up
_FULL_S = 1.0  # before a match goes on whose action could not be stored
_VOID = Termination.VOID.value


class _Play(Line):
    """A match as one process plays it, up to the death of that."""

    def __init__(self, session: Session) -> None:
        self.session = session


class Keeper:
    """The live matches of one database; see `matches.LiveMatches`, which is the door to it."""

    def __init__(
        self,
        path: Path,
        plugs: Plugins,
        *,
        hosts: int | None = None,
        most_active: int = MOST_ACTIVE,
        most_contained: int = MOST_CONTAINED,
    ) -> None:
        self._path = path
        self._plugs = plugs
        self._number = hosts or len(os.sched_getaffinity(0))
        self._most_active, self._most_contained = most_active, most_contained
        self._sessions: dict[str, Session] = {}  # that have not ended
        self._plays: dict[int, _Play] = {}  # by the number that the processes know them by
        self._tickets = itertools.count(1)
        self._planning = ThreadPoolExecutor(1)  # plugins and copies of agents, which may take long
        self._finishing: set[asyncio.Task[None]] = set()
        self._opening = 0  # matches that are being planned

    async def __aenter__(self) -> Self:
        """Take the database and go on with what had not ended."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock = self._path.with_name(f"{self._path.name}-live.lock")
            self._lock = database.locked(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = f"another process has the live matches of {self._path}: stop it, or name another database"
            raise StoreError(msg) from None
        self._scribe = Scribe(self._path)
        self._hosts = Hosts(self._number, self._hear, self._mourn)
        try:
            await self._scribe.start()
        except BaseException:
            database.unlock(self._lock)
            raise
        await self._hosts.start()
        for row in await self._scribe.call(rows.going_on):
            await self._go_on(row)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop; what has not ended goes on when the database is taken again."""
        await self._hosts.stop()
        for task in list(self._finishing):
            with contextlib.suppress(Exception):
                await task
        for session in self._sessions.values():
            self._disarm(session)
            session.fail_waiting(LiveError(Why.BUSY, "the server stops: ask again later"))
            for feed in list(session.feeds):
                feed.close()
        await self._scribe.stop()
        self._planning.shutdown()
        database.unlock(self._lock)

    # ----------------------------------------------------------------------------- what is there

    async def _session(self, live_id: str) -> Session:
        """Return a live match, one that has ended from the database.

        Raises:
            LiveError: there is none ("unknown").
        """
        found = self._sessions.get(live_id)
        if found is None:
            found = await self._scribe.call(functools.partial(endings.ended, live_id))
        if found is None:
            raise LiveError(Why.UNKNOWN, f"there is no live match {live_id[:40]!r}")
        return found

    def _seat(self, session: Session, token: str) -> int:
        found = session.tokens.get(endings.digest_of(token))
        if found is None:
            raise LiveError(Why.TOKEN, f"this is no token of match {session.row.id}")
        session.seen_s[found[0]] = time.monotonic()
        return found[0]

    def _check_active(self, session: Session) -> None:
        if session.row.state != ACTIVE:
            raise LiveError(Why.STATE, f"match {session.row.id} is {session.row.state}, not active")

    def _is_played(self, session: Session) -> bool:
        """Say whether a process plays a match now: not while it is begun again after a death."""
        return session.play_no in self._plays

    def _check_room(self, count: int) -> None:
        if len(self._sessions) + self._opening + count > self._most_active:
            raise LiveError(Why.BUSY, f"{self._most_active} live matches are open: ask again later")

    def _check_contained(self, seated: Seated, count: int) -> None:
        open_now = sum(session.contained for session in self._sessions.values())
        if seated.contained and open_now + count > self._most_contained:
            told = f"{self._most_contained} live matches with agents from outside are open: ask again later"
            raise LiveError(Why.BUSY, told)

    # ------------------------------------------------------------------------- to begin, to go on

    async def _begin(  # noqa: PLR0917 - what a live match begins with
        self,
        seated: Seated,
        holder: str,
        options: Mapping[str, Any],
        note: Mapping[str, Any],
        taken: Sequence[Taken],
        parent: Row | None = None,
        turn: int | None = None,
        done: Sequence[Done] = (),
    ) -> Session:
        """Store a live match with its run and tokens, and begin it if all its seats are taken."""
        state = ACTIVE if len(taken) == len(seated.remote) else WAITING
        live_id, created = secrets.token_urlsafe(12), time.time()
        tokens = {endings.digest_of(one.token): (one.seat, holder) for one in taken}

        def write(store: Store) -> Row:
            number = runs.add_entry(seated.entry, {0: 1}, store, "live")
            row = Row(
                number, live_id, state, "", holder, created, None, seated.spec, seated.remote, seated.stand_in,
                options, note, parent and parent.id, turn, None,
            )  # fmt: skip
            with store.transaction():
                rows.add(store, row)
                for digest, (seat, _) in tokens.items():
                    rows.add_token(store, digest, row.run, seat, holder)
                if parent is not None and turn is not None:
                    store.set_run(row.run, parent=parent.run)
                    rows.copy_actions(store, parent.run, row.run, turn)
            return row

        row = await self._scribe.call(write)
        session = Session(row, tokens)
        self._settle(session, seated, [one for one in done if turn is not None and one.turn < turn])
        if state == ACTIVE:
            self._start(session)
        return session

    def _settle(self, session: Session, seated: Seated, done: Sequence[Done]) -> None:
        """Take a match among those that go on."""
        session.entry, session.contained = seated.entry, seated.contained
        script = tuple((one.turn, one.seat, one.what, one.info, one.think_us * 1000) for one in done)
        session.setting = Setting(
            orders=playing.orders(seated.entry, self._scribe.store, self._plugs),
            spec=seated.spec,
            remote=frozenset(seated.remote),
            stand_in=seated.stand_in,
            script=script,
            left=dict(session.left),
        )
        session.acted = endings.acted_of(done)
        self._sessions[session.row.id] = session

    def _start(self, session: Session) -> None:
        """Let a process play a match."""
        hosted = [one.host_no for one in self._sessions.values() if one is not session and one.row.state == ACTIVE]
        first = self._number if session.slow else 0
        session.host_no = min(range(first, first + self._number), key=hosted.count)
        session.busy = True
        assert session.setting is not None
        session.play_no = next(self._tickets)
        self._plays[session.play_no] = _Play(session)
        self._hosts.tell(session.host_no, session.play_no, "open", session.setting)

    def _drop(self, session: Session) -> None:
        """Hear nothing more of a match from the process that plays it; nobody is asked until another does."""
        self._plays.pop(session.play_no, None)
        self._disarm(session)
        session.shown, session.answered = session.shown._replace(questions={}), set()

    def _tell(self, session: Session, what: tuple[Any, ...]) -> None:
        session.busy = True
        self._hosts.tell(session.host_no, session.play_no, "tell", what)

    async def _go_on(self, row: Row) -> None:
        """Go on with a match that another process has begun; finish one that it had stored, but not ended."""

        def read(store: Store) -> tuple[Run, list[Done], dict[bytes, tuple[int, str]], dict[int, int]]:
            run = runs.reopen(store, row.run, self._plugs)
            return run, rows.actions(store, row.run), rows.tokens(store, row.run), rows.left(store, row.run)

        try:
            run, done, tokens, left = await self._scribe.call(read)
        except Exception as error:  # noqa: BLE001 - of one match, whose game is gone, for example: the others go on
            _log.warning("live match %s cannot go on: %s", row.id, error)
            await self._scribe.call(functools.partial(endings.fail, row.run, f"it cannot go on: {error}"))
            return
        if run.played:
            await self._scribe.call(functools.partial(endings.complete, self._plugs, run, []))
            return
        session = Session(row, tokens)
        session.left = left
        self._settle(session, seating.reread(row, done, run.entry), done)
        all_left = row.remote and not set(row.remote) - left.keys()  # killed between the last who left and the end
        if row.state == ACTIVE and all_left:
            await self._fail(session, "left")
        elif row.state == ACTIVE:
            self._start(session)

    async def _reopen(self, session: Session, after_s: float = 0.0) -> None:
        """Play a match again up to where its stored actions end."""
        await asyncio.sleep(after_s)
        if session.ended:
            return
        done, left = await self._scribe.call(
            lambda store: (rows.actions(store, session.row.run), rows.left(store, session.row.run))
        )
        if session.ended:  # closed meanwhile
            return
        session.left = left
        assert session.entry is not None
        self._settle(session, seating.reread(session.row, done, session.entry), done)
        self._start(session)

    def _mourn(self, host_no: int) -> None:
        """Play the matches of a process that died again, elsewhere or in the one that took its place."""
        _log.warning("a process that played live matches died; its matches go on from their actions")
        mine = [one for one in self._sessions.values() if one.host_no == host_no and one.row.state == ACTIVE]
        for session in mine:
            self._drop(session)
            session.deaths += session.busy
            session.fail_waiting(LiveError(Why.BUSY, "the process that played the match died: ask again"))
            if session.deaths >= _DEATHS:
                self._later(self._fail(session, f"the process that played it died {_DEATHS} times in a row"))
            else:
                self._later(self._reopen(session))

    # ------------------------------------------------------------------- what the processes say

    def _hear(self, message: Sequence[Any]) -> None:
        """Put what a process says of a match in line to be stored; told of once it is."""
        play_no, kind, *fields = message
        play = self._plays.get(play_no)
        if play is None:
            return
        session, write = play.session, None
        run = session.row.run
        if kind == table.DID:
            *stored, ticket = fields
            action_id = session.acting[ticket][1] if ticket in session.acting else None
            write = functools.partial(rows.add_action, run=run, fields=stored, action_id=action_id)
            told = functools.partial(self._did, session, stored[0], stored[1], ticket)
        elif kind == table.LEFT:
            seat, turn, reason = fields
            write = functools.partial(rows.add_left, run=run, seat=seat, turn=turn, reason=reason)
            told = functools.partial(self._has_left, session, seat, turn, reason)
        elif kind == table.AT:
            told = functools.partial(self._at, session, *fields)
        elif kind == table.REFUSED:
            told = functools.partial(self._refused, session, *fields)
        elif kind == table.SLOW:
            told = functools.partial(self._move, session)
        else:
            told = functools.partial(self._over, session, fields[0])
        self._scribe.put(Entry(play, write, functools.partial(self._stored, play, told)))

    def _stored(self, play: _Play, told: Callable[[], None], problem: Exception | None) -> None:
        session = play.session
        if session.ended or self._plays.get(session.play_no) is not play:
            return
        if problem is None:
            told()
            return
        # What was said after it must not be told either: the match is where its stored actions end.
        _log.error("live match %s: %s", session.row.id, problem)
        self._tell(session, (table.CLOSE,))
        self._drop(session)
        session.fail_waiting(problem)
        self._later(self._reopen(session, _FULL_S))

    def _did(self, session: Session, turn: int, seat: int, ticket: int) -> None:
        if turn == session.shown.turn:
            session.answered.add(seat)
        session.deaths = 0
        _, action_id, reply = session.acting.pop(ticket, (seat, None, None))
        acted = Acted(accepted=True, turn=turn)
        if action_id is not None:
            session.acted[seat, action_id] = acted
        if reply is not None and not reply.done():
            reply.set_result(acted)
        # Told of when the turn is over: who is still asked has the question.
        session.busy = not set(session.shown.questions) - session.answered - session.gone()

    def _move(self, session: Session) -> None:
        """Play a match on where agents that compute for long keep only one another waiting."""
        if not session.slow:
            session.slow = True
            self._tell(session, (table.CLOSE,))
            self._drop(session)
            self._later(self._reopen(session))

    def _at(  # noqa: PLR0917 - as it is said
        self,
        session: Session,
        turn: int,
        to_move: Sequence[int],
        done: Sequence[int],
        questions: Mapping[int, bytes],
        view: bytes | None,
        last: Mapping[int, str] | None,
    ) -> None:
        session.shown, session.shown_s = Shown(turn, to_move, questions, view, last), time.monotonic()
        session.answered = set(done)
        session.busy = not any(session.asked(seat) for seat in questions)
        self._arm(session)
        if to_move:  # else the result follows, and says it
            session.publish()

    def _refused(self, session: Session, ticket: int, code: str, reason: str) -> None:
        session.busy = False
        _, _, reply = session.acting.pop(ticket, (0, None, None))
        if reply is None or reply.done():
            return
        if code:
            reply.set_exception(LiveError(Why(code), reason))
        else:
            reply.set_result(Acted(accepted=False, turn=session.shown.turn, reason=reason))

    def _has_left(self, session: Session, seat: int, turn: int, reason: str) -> None:
        session.left[seat] = turn
        if (done := session.leaving.pop(seat, None)) is not None and not done.done():
            done.set_result(None)
        if not set(session.row.remote) - session.left.keys():
            self._later(self._fail(session, reason))
        else:
            self._arm(session)

    # -------------------------------------------------------------------------------- the end

    def _over(self, session: Session, fields: Sequence[Any]) -> None:
        self._later(self._finish(session, endings.played_of(fields)))

    async def _finish(self, session: Session, played: Played) -> None:
        entry, setting = session.entry, session.setting
        assert entry is not None
        assert setting is not None

        def complete(store: Store) -> Row:
            run = runs.Run(store, session.row.run, entry, self._plugs)
            run.sizes = {0: 1}
            return endings.complete(self._plugs, run, [(setting.spec, played)], store)

        try:
            row = await self._scribe.call(complete)
        except (
            EvalengineError
        ) as error:  # a full disk: its actions are stored, and it ends when the server starts again
            _log.error("live match %s has ended and is not stored: %s", session.row.id, error)
            return
        self._end(session, row)

    async def _fail(self, session: Session, reason: str) -> None:
        """End a match without a result."""
        if session.row.state == ACTIVE:
            self._tell(session, (table.CLOSE,))
        row = await self._scribe.call(functools.partial(endings.fail, session.row.run, reason))
        self._end(session, row)

    def _end(self, session: Session, row: Row) -> None:
        if session.ended:
            return
        self._disarm(session)
        self._sessions.pop(row.id, None)
        self._plays.pop(session.play_no, None)
        session.row, session.entry, session.setting = row, None, None
        for done in session.leaving.values():
            if not done.done():
                done.set_result(None)
        session.fail_waiting(LiveError(Why.STATE, f"match {row.id} has ended"))
        session.publish()

    async def _vacate(self, session: Session, seat: int) -> None:
        """Free a seat of a match that has not begun."""
        session.tokens = {digest: held for digest, held in session.tokens.items() if held[0] != seat}

        def write(store: Store) -> None:
            with store.transaction():
                rows.drop_tokens(store, session.row.run, seat)

        await self._scribe.call(write)
        if not session.tokens:
            await self._fail(session, "left")

    # -------------------------------------------------------------------------- who is too late

    def _arm(self, session: Session) -> None:
        """Look again when the first of the seats that are asked may be late."""
        self._disarm(session)
        due = [due_s for seat in session.row.remote if session.asked(seat) for due_s, _ in self._dues(session, seat)]
        if due:
            loop = asyncio.get_running_loop()
            delay_s = max(0.0, min(due) - time.monotonic())
            session.timer = loop.call_later(delay_s, self._look, session)

    def _disarm(self, session: Session) -> None:
        if session.timer is not None:
            session.timer.cancel()
            session.timer = None

    def _dues(self, session: Session, seat: int) -> list[tuple[float, str]]:
        """Return until when a seat that is asked is waited for, and what it is told to have done then."""
        turn_s, gone_s = session.row.options.get("turn_s"), session.row.options.get("gone_s")
        found = [] if turn_s is None else [(session.shown_s + turn_s, f"no answer in {turn_s:g} s")]
        if gone_s is not None:
            seen_s = time.monotonic() if session.present(seat) else session.seen_s.get(seat, 0.0)
            found.append((max(session.shown_s, seen_s) + gone_s, f"gone for {gone_s:g} s"))
        return found

    def _look(self, session: Session) -> None:
        now = time.monotonic()
        for seat in session.row.remote:
            late = (
                [reason for due_s, reason in self._dues(session, seat) if due_s <= now] if session.asked(seat) else []
            )
            if late:
                forfeits = session.row.options.get("late") == "forfeit"
                self._tell(session, (table.LEAVE, seat, session.shown.turn, late[0], forfeits))
                # Told once: the process answers, or dies and is told anew when the turn is shown again.
                session.shown_s = now
        self._arm(session)

    def _later(self, what: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(what)
        self._finishing.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._finishing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a live match: %s", error, exc_info=error)
