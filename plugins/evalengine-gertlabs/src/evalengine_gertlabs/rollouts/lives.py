"""The live episodes as the server knows them: whose they are, which process plays them, how many there may be."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from evalengine import RefusedError
from evalengine_gertlabs.rollouts.settings import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalengine_gertlabs.owners import Asker
    from evalengine_gertlabs.rollouts.processes import Processes

MOST_LIVE, MOST_OF_ONE = 8_192, 2_048
GONE = Refused(404, "EPISODE_NOT_FOUND", "there is no such live episode in this run")


class Live:
    """A live episode.

    Attributes:
        no, id: of the episode; run, run_id: of its run; began, tick: the first tick of its own, and the one of now;
        place: which process plays it; there: whether it does so now, else it is begun again from what is stored;
        forks: how many it has had; used: when it was last worked with; open: False once it has ended.
    """

    __slots__ = (
        "began", "forks", "id", "lock", "no", "open", "owner", "place", "run", "run_id", "there", "tick", "used",
    )  # fmt: skip

    def __init__(self, row: tuple[int, str, int, str, str, int, int]) -> None:
        self.no, self.id, self.run, self.run_id, self.owner, self.began, self.tick = row
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


class Lives:
    """All live episodes.

    Args:
        pools: of the processes that play them.
    """

    def __init__(self, pools: Sequence[Processes]) -> None:
        self._pools = pools
        self._live: dict[str, Live] = {}
        self._counts: dict[str, int] = {}  # live episodes, and those that are being begun, by owner

    def __iter__(self) -> Iterator[Live]:
        return iter(list(self._live.values()))

    def find(self, who: Asker, run_id: str, episode_id: str) -> Live | None:
        """Return a live episode of who asks, None: there is none."""
        found = self._live.get(episode_id)
        mine = found is not None and found.run_id == run_id and who.may_see(found.owner)
        return found if mine else None

    def must(self, who: Asker, run_id: str, episode_id: str) -> Live:
        """Return a live episode.

        Raises:
            RefusedError: 404, there is none.
        """
        found = self.find(who, run_id, episode_id)
        if found is None:
            raise gone()
        return found

    def check_room(self, owner: str, count: int) -> None:
        """Refuse more episodes than this server, or one account, may have.

        Raises:
            RefusedError: 503 HOST_AT_CAPACITY, which clients try again; 429 EPISODE_LIMIT.
        """
        if self._counts.get(owner, 0) + count > MOST_OF_ONE:
            msg = f"{MOST_OF_ONE} live episodes are the most of one account: close some"
            raise RefusedError(429, "EPISODE_LIMIT", msg)
        if sum(self._counts.values()) + count > MOST_LIVE:
            msg = f"this server plays {MOST_LIVE} episodes at once: try again"
            raise RefusedError(503, "HOST_AT_CAPACITY", msg, headers={"retry-after": "5"})

    def count(self, owner: str, more: int) -> None:
        """Count episodes that are being begun, or are not any more."""
        self._counts[owner] = self._counts.get(owner, 0) + more
        if self._counts[owner] <= 0:
            del self._counts[owner]

    def enter(self, live: Live) -> None:
        """Add an episode."""
        self._live[live.id] = live
        self.count(live.owner, 1)

    def leave(self, live: Live) -> None:
        """Take away an episode that has ended."""
        live.open = False
        if self._live.pop(live.id, None) is not None:
            self.count(live.owner, -1)
        self.absent(live)

    def present(self, live: Live, place: tuple[int, int]) -> None:
        """Note which process plays an episode."""
        live.place, live.there = place, True
        self._pools[place[0]].load(place[1], 1)

    def absent(self, live: Live) -> None:
        """Note that no process plays an episode."""
        if live.there:
            self._pools[live.place[0]].load(live.place[1], -1)
        live.there = False

    def mourn(self, place: tuple[int, int]) -> None:
        """Note that a process died."""
        for live in self:
            if live.place == place:
                self.absent(live)


def gone() -> RefusedError:
    """Return the refusal of what is no live episode."""
    return RefusedError(GONE.status, GONE.code, GONE.message)


def live_of(row: Any) -> Live:
    """Return a stored episode that has not ended."""
    return Live(tuple(row))
