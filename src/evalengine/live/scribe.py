"""The one thread that writes what live matches do: what came meanwhile is one transaction, told of afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import queue
import threading
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from evalengine import database
from evalengine.errors import StorageError, StoreError
from evalengine.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_MOST = 1_000  # in one transaction


class Line:
    """What is stored one behind another: once something of it is lost, nothing that follows is stored."""

    lost = False


class Entry(NamedTuple):
    """What is to be stored, and who hears of it; in the order of `put`."""

    line: Line
    write: Callable[[Store], None] | None
    told: Callable[[Exception | None], None]  # in the loop; with why it could not be stored


class Scribe:
    """Owns the database's connection.

    Attributes:
        store: of this thread alone, but for its paths; transactions, entries: so many of one held so many of the other.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: queue.SimpleQueue[Entry] = queue.SimpleQueue()
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._awake = threading.Semaphore(0)  # as often as something was put into either
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.transactions = self.entries = 0

    async def start(self) -> None:
        """Take the database.

        Raises:
            StoreError: another process has its live matches, or the file is foreign or newer.
        """
        self._lock = _locked(self._path)
        try:
            self.store = await asyncio.to_thread(Store, self._path)
        except BaseException:
            database.unlock(self._lock)
            raise
        self._thread.start()

    def put(self, entry: Entry) -> None:
        """Store something, together with what others put."""
        self._entries.put(entry)
        self._awake.release()

    async def call(self, do: Callable[[Store], Any]) -> Any:
        """Return what `do` returns for the store, after all that was put before; it begins its own transactions.

        What is put later may come first: somebody waits for it.
        """
        done: asyncio.Future[Any] = self._loop.create_future()
        self._calls.put(_Call(do, done))
        self._awake.release()
        return await done

    async def stop(self) -> None:
        """End after all that was put."""
        self._calls.put(None)
        self._awake.release()
        await asyncio.to_thread(self._thread.join)
        self.store.close()
        database.unlock(self._lock)

    def _work(self) -> None:
        while True:
            self._awake.acquire()
            while entries := self._waiting():
                self._store_all(entries)
            with contextlib.suppress(queue.Empty):
                call = self._calls.get_nowait()
                if call is None:
                    return
                self._answer(call)

    def _waiting(self) -> list[Entry]:
        """Return what is to be stored now."""
        found: list[Entry] = []
        with contextlib.suppress(queue.Empty):
            while len(found) < _MOST:
                found.append(self._entries.get_nowait())
        return found

    def _store_all(self, entries: Sequence[Entry]) -> None:
        stored = self._stored(entries)
        for entry, problem in stored:
            if problem is not None:
                entry.line.lost = True
        # All at once: to wake the loop costs as much as to store something.
        self._tell(lambda: [entry.told(problem) for entry, problem in stored])

    def _stored(self, entries: Sequence[Entry]) -> list[tuple[Entry, Exception | None]]:
        """Store what can be; return each entry with why it is not stored."""
        good = [entry for entry in entries if not entry.line.lost]
        problem: Exception | None = None
        try:
            if any(entry.write is not None for entry in good):
                with self.store.transaction():
                    for entry in good:
                        if entry.write is not None:
                            entry.write(self.store)
                            self.entries += 1
                self.transactions += 1
        except Exception as error:  # noqa: BLE001 - the thread's border: whoever waits is told
            problem = error
        lost = StorageError("what came before it could not be stored")
        return [(entry, lost if entry.line.lost else problem) for entry in entries]

    def _answer(self, call: _Call) -> None:
        try:
            value = call.do(self.store)
        except Exception as error:  # noqa: BLE001 - as above
            self._tell(functools.partial(_settle, call.done, None, error))
        else:
            self._tell(functools.partial(_settle, call.done, value, None))

    def _tell(self, what: Callable[[], Any]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits
            self._loop.call_soon_threadsafe(what)


def _locked(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return database.locked(path.with_name(f"{path.name}-live.lock"), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        msg = f"another process has the live matches of {path}: stop it, or name another database"
        raise StoreError(msg) from None


def _settle(done: asyncio.Future[Any], value: Any, error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(value)
    else:
        done.set_exception(error)


class _Call(NamedTuple):
    do: Callable[[Store], Any]
    done: asyncio.Future[Any]
