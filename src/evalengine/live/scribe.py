"""The one thread that writes what live matches do: what came meanwhile is one transaction, told of once it is stored."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_MOST = 1_000  # in one transaction


class Entry(NamedTuple):
    """What is to be stored, and who hears of it; in the order of `put`."""

    write: Callable[[Store], None] | None
    told: Callable[[Exception | None], None]  # in the loop; with why it could not be stored


class Scribe:
    """Owns the database's connection.

    Attributes:
        store: of this thread alone, but for its paths; transactions, entries: so many of one held so many of the other.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._todo: queue.SimpleQueue[Entry | _Call | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.transactions = self.entries = 0

    async def start(self) -> None:
        """Open the database.

        Raises:
            StoreError: it is foreign or newer.
        """
        self.store = await asyncio.to_thread(Store, self._path)
        self._thread.start()

    def put(self, entry: Entry) -> None:
        """Store something, together with what others put."""
        self._todo.put(entry)

    async def call(self, do: Callable[[Store], Any]) -> Any:
        """Return what `do` returns for the store, in its turn; it begins its own transactions."""
        done: asyncio.Future[Any] = self._loop.create_future()
        self._todo.put(_Call(do, done))
        return await done

    async def stop(self) -> None:
        """End after all that was put."""
        self._todo.put(None)
        await asyncio.to_thread(self._thread.join)
        self.store.close()

    def _work(self) -> None:
        while (todo := self._next_ones()) is not None:
            entries = [one for one in todo if isinstance(one, Entry)]
            if entries:
                self._store_all(entries)
            for one in todo[len(entries) :]:
                self._answer(one)  # type: ignore[arg-type]  # no entry: see below

    def _next_ones(self) -> list[Entry | _Call] | None:
        """Return entries that wait, and what comes behind them if that is a call; None at the end."""
        first = self._todo.get()
        if first is None:
            return None
        found = [first]
        while isinstance(found[-1], Entry) and len(found) < _MOST:
            try:
                one = self._todo.get_nowait()
            except queue.Empty:
                break
            if one is None:
                self._todo.put(None)  # the last of all, still
                break
            found.append(one)
        return found

    def _store_all(self, entries: Sequence[Entry]) -> None:
        problem = None
        writes = [entry.write for entry in entries if entry.write is not None]
        try:
            if writes:
                with self.store.transaction():
                    for write in writes:
                        write(self.store)
                self.transactions += 1
                self.entries += len(writes)
        except Exception as error:  # noqa: BLE001 - the thread's border: whoever waits is told
            problem = error
        self._tell(lambda: [entry.told(problem) for entry in entries])

    def _answer(self, call: _Call) -> None:
        try:
            value = call.do(self.store)
        except Exception as error:  # noqa: BLE001 - as above
            self._tell(lambda error=error: call.done.cancelled() or call.done.set_exception(error))
        else:
            self._tell(lambda: call.done.cancelled() or call.done.set_result(value))

    def _tell(self, what: Callable[[], Any]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits
            self._loop.call_soon_threadsafe(what)


class _Call(NamedTuple):
    do: Callable[[Store], Any]
    done: asyncio.Future[Any]
