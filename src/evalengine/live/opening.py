"""How live matches come to be: opened, joined, continued from a turn of another one."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from evalengine import runs
from evalengine.errors import LiveError, Why
from evalengine.live import endings, holding, rows, seating
from evalengine.live.beginnings import Origin
from evalengine.live.values import ACTIVE, WAITING, Opened, Taken, token

if TYPE_CHECKING:
    from evalengine.continuing import Luck
    from evalengine.live.keeper import Keeper
    from evalengine.live.room import Room
    from evalengine.live.rows import Done
    from evalengine.live.seating import Seated
    from evalengine.live.sessions import Session
    from evalengine.live.values import Wish
    from evalengine.plugins import Plugins
    from evalengine.store import Store

MOST_BRANCHES = 64  # at once


class Planning:
    """A thread that plans matches: plugins and copies of agents may take long."""

    def __init__(self, plugs: Plugins) -> None:
        self._seating = seating.Seating(plugs)
        self._thread = ThreadPoolExecutor(1)

    async def seated(self, wish: Wish, store: Store) -> Seated:
        """Return the match that somebody wants.

        Raises:
            UsageError: it cannot be played so.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._seating.seated, wish, store)

    def stop(self) -> None:
        """End the thread."""
        self._thread.shutdown()


async def opened(keeper: Keeper, room: Room, wish: Wish, planning: Planning) -> Opened:
    """Open a match; see `LiveMatches.open`."""
    with room.claimed(1, wish.holder) as claim:
        seated = await planning.seated(wish, keeper.scribe.store)
        claim.check_contained(seated)
        options = {"turn_s": wish.turn_s, "gone_s": wish.gone_s, "late": wish.late}
        taken = [Taken(seat, token()) for seat in seated.remote[: wish.take]]
        session = await keeper.begin(seated, wish.holder, options, wish.note, taken)
    return Opened(session.row.id, session.row.state, tuple(taken))


async def rejoined(keeper: Keeper, session: Session, holder: str) -> list[Taken]:
    """Take all seats that somebody holds, or one; see `LiveMatches.rejoin`."""
    held = {seat for seat, who in session.tokens.values() if holder and who == holder}
    if not held:
        return [await joined(keeper, session, holder)]
    return [await joined(keeper, session, holder, seat) for seat in sorted(held)]


async def joined(keeper: Keeper, session: Session, holder: str, held: int | None = None) -> Taken:
    """Take a seat, and begin the match if it is the last one; see `LiveMatches.join`.

    Args:
        held: the one of those that they hold; None: whichever.
    """
    taken = Taken(holding.seat_for(session, holder, held), token())
    digest = endings.digest_of(taken.token)
    session.tokens[digest] = taken.seat, holder
    state = session.row.state
    begins = state == WAITING and not session.free()
    if begins:
        session.row = session.row._replace(state=ACTIVE)

    def write(store: Store) -> None:
        with store.transaction():
            rows.add_token(store, digest, session.row.run, taken.seat, holder)
            if begins:
                rows.set_state(store, session.row.run, ACTIVE)

    try:
        await keeper.scribe.call(write)
    except Exception:
        del session.tokens[digest]
        session.row = session.row._replace(state=state)
        raise
    if begins:
        keeper.play(session)
        session.publish()
    return taken


async def branched(  # noqa: PLR0917 - as `LiveMatches.branch`
    keeper: Keeper, room: Room, session: Session, turn: int | None, count: int, luck: Luck | None, holder: str
) -> list[Opened]:
    """Return matches that continue one; see `LiveMatches.branch`."""
    if not 1 <= count <= MOST_BRANCHES:
        raise LiveError(Why.VALUE, f"{count} branches are not 1 to {MOST_BRANCHES}")
    with room.claimed(count, holder) as claim:
        row = session.row
        done: list[Done] = await keeper.scribe.call(lambda store: rows.actions(store, row.run))
        origin = Origin(row, _chosen(session, turn), done)
        parent = await _seated(keeper, session, done)
        claim.check_contained(parent)
        made = []
        for sample in range(count):
            child = seating.branched(parent, row.run, done, origin.turn, sample, luck)
            taken = [Taken(seat, token()) for seat in child.remote]
            begun = await keeper.begin(child, holder, row.options, row.note, taken, origin)
            made.append(Opened(begun.row.id, begun.row.state, tuple(taken)))
    return made


def _chosen(session: Session, turn: int | None) -> int:
    """Return the turn from which a match is continued: by default the one that is asked, or its middle.

    Raises:
        LiveError: it has no such turn ("value").
    """
    last = max(0, session.position(None).turn)  # the one that is asked, or how many there were
    if turn is None:
        turn = last // 2 if session.ended else last
    last -= session.ended
    if not 0 <= turn <= last or session.row.state == WAITING:
        raise LiveError(Why.VALUE, f"match {session.row.id} can be continued from turns 0 to {last}, not {turn}")
    return turn


async def _seated(keeper: Keeper, session: Session, done: list[Done]) -> Seated:
    """Return what is fixed of a match, of one that has ended from the database.

    Raises:
        StoreError: its game is not what it was.
    """
    if session.seated is not None:
        return seating.reread(session.row, done, session.seated.entry)
    run = await keeper.scribe.call(lambda store: runs.reopen(store, session.row.run, keeper.plugs))
    return seating.reread(session.row, done, run.entry)
