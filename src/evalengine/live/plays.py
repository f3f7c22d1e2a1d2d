"""Which process plays which match: begun in one, dropped, begun in another, told, heard."""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING, Any

from evalengine.live.hosts import Hosts
from evalengine.live.sessions import Play

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalengine.live.messages import Setting
    from evalengine.live.sessions import Session

_log = logging.getLogger(__name__)


class Plays:
    """The matches that processes play now.

    Args:
        number: of processes, and as many for agents that compute for long;
        hear: is called with what a process says of a match that it plays still: the play, a kind, its fields;
        orphaned: with the matches of a process that died, and whether one of them may be to blame; another process
        stands in its place already;
        hung_s: after which a process that says nothing is killed.
    """

    def __init__(
        self,
        number: int,
        hear: Callable[[Play, int, Sequence[Any]], None],
        orphaned: Callable[[Sequence[Session], bool], None],
        hung_s: float,
    ) -> None:
        self._number = number
        self._heard = hear
        self._orphaned = orphaned
        self._plays: dict[int, Play] = {}  # by the number that the processes know them by
        self._numbers = itertools.count(1)
        self._hosts = Hosts(number, self._hear, self._mourn, hung_s)
        self._ended: set[int] = set()  # processes that were killed for a match which is known

    async def start(self) -> None:
        """Start the processes."""
        await self._hosts.start()

    async def stop(self) -> None:
        """End the processes."""
        await self._hosts.stop()

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes."""
        return self._hosts.pids

    def begin(self, session: Session, setting: Setting) -> None:
        """Let a process play a match: the one that plays the fewest."""
        first = self._number if session.slow else 0
        hosted = [play.host_no for play in self._plays.values()]
        host_no = min(range(first, first + self._number), key=hosted.count)
        session.play = play = Play(session, next(self._numbers), host_no)
        self._plays[play.number] = play
        session.busy = True
        self._hosts.tell(host_no, play.number, "open", setting)

    def tell(self, session: Session, what: tuple[Any, ...]) -> None:
        """Tell the process that plays a match something, if one does."""
        if session.play is not None:
            session.busy = True
            self._hosts.tell(session.play.host_no, session.play.number, "tell", what)

    def drop(self, session: Session) -> None:
        """Hear nothing more of a match; nobody is asked until another process plays it."""
        if session.play is not None:
            self._plays.pop(session.play.number, None)
            session.play = None
        session.ask_nobody()

    def end_host(self, session: Session) -> None:
        """End the process that plays a match which does not let go of its thread; its other matches are orphaned."""
        if session.play is not None:
            host_no = session.play.host_no
            self.drop(session)
            self._ended.add(host_no)
            self._hosts.kill(host_no)

    def _hear(self, message: Sequence[Any]) -> None:
        number, kind, *fields = message
        if play := self._plays.get(number):
            self._heard(play, kind, fields)

    def _mourn(self, host_no: int) -> None:
        _log.warning("a process that played live matches died; its matches go on from their actions")
        mine = [play.session for play in self._plays.values() if play.host_no == host_no]
        for session in mine:
            self.drop(session)
        self._orphaned(mine, host_no not in self._ended)
        self._ended.discard(host_no)
