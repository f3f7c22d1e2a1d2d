"""The database as the server uses it: from many threads, without one that writes holding up those that read."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any, Self

from evalengine import database

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Rows:
    """Two connections to one file, each used by one thread at a time. Used as a context manager.

    Raises:
        StoreError: the file is foreign or newer; StorageError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = database.connect(path, create=True)
        # In WAL mode a reader never waits, also while a run's batch keeps a writer waiting.
        self._reader = database.connect(path, create=False)
        self._writer.row_factory = self._reader.row_factory = sqlite3.Row
        self._writing, self._reading = threading.Lock(), threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file once those that use it are done."""
        with self._writing, self._reading:
            self._writer.close()
            self._reader.close()

    def read(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """Return the rows of a select."""
        with self._reading, database.told(self.path), closing(self._reader.execute(sql, values)) as cursor:
            return cursor.fetchall()

    def change(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Run one statement that writes, a transaction of its own; the cursor has `lastrowid` and `rowcount`.

        Raises:
            StorageError: the disk is full, or another process held the file for too long.
        """
        with self._writing, database.told(self.path):
            return self._writer.execute(sql, values)

    def together(self, function: Callable[[sqlite3.Connection], Any]) -> Any:
        """Return what a function of the connection that writes returns, all of it one transaction.

        Raises:
            StorageError: as `change`; then, and whenever the function raises, nothing of it is stored.
        """
        with self._writing, database.told(self.path):
            self._writer.execute("begin immediate")
            try:
                found = function(self._writer)
                self._writer.execute("commit")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("rollback")
                raise
            return found
