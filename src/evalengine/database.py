"""The SQLite file: opened, checked, migrated, locked; and what its errors mean to a person."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from evalengine.errors import StorageError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = 8
APPLICATION_ID = 0x6576616C  # "eval", see the pragma
MIGRATIONS = Path(__file__).with_name("migrations")  # numbered, never edited
_BUSY_S = 30.0
_FULL = ("disk is full", "readonly", "disk i/o error", "unable to open")


def locked(path: Path, how: int) -> IO[str]:
    """Return the file at `path`, made if need be, with a lock that ends with it."""
    while True:
        handle = path.open("a+")
        try:
            fcntl.flock(handle, how)
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_ino == os.fstat(handle.fileno()).st_ino:
                    return handle
        except BaseException:
            handle.close()
            raise
        handle.close()  # its holder removed it between our two steps: that lock is nobody's


def unlock(handle: IO[str]) -> None:
    """Give back what `locked` returned, and remove its file."""
    with contextlib.suppress(OSError):
        Path(handle.name).unlink()
    with contextlib.suppress(OSError):  # a full disk: what it would still write is our name only
        handle.close()


def connect(path: Path, *, create: bool) -> sqlite3.Connection:
    """Return the database at `path`, its schema up to date.

    Raises:
        StoreError: it is foreign or newer, nothing is changed then; StorageError: it cannot be written.
    """
    if not path.exists():
        if not create:
            msg = f"there is no database {str(path)!r} yet: evalengine run writes one, or name another with --db"
            raise StoreError(msg)
        _make_folder(path.parent)
    try:
        # One thread at a time uses it, but not always the one that made it: a run in a thread, read back outside.
        db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            _prepare(db, path)
        except BaseException:
            db.close()
            raise
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise as_ours(path, error) from error
        msg = f"{path} is not an evalengine database ({error}): name another with --db. Nothing was changed"
        raise StoreError(msg) from error
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    (tables,) = db.execute("select count(*) from sqlite_master").fetchone()
    (application,) = db.execute("pragma application_id").fetchone()
    (version,) = db.execute("pragma user_version").fetchone()
    if application != APPLICATION_ID and (tables or application or version):
        msg = f"{path} is a database of something else: name another with --db. Nothing was changed"
        raise StoreError(msg)
    if version > SCHEMA:
        msg = (
            f"{path} was written by a newer evalengine (schema {version}, this reads {SCHEMA}): "
            "upgrade, or --db new.db. Nothing was changed"
        )
        raise StoreError(msg)
    db.execute("pragma synchronous = normal")
    db.execute("pragma wal_autocheckpoint = 4000")  # pages, 16 MB: a checkpoint waits for the disk twice
    if version < SCHEMA:
        lock = locked(path.with_name(f"{path.name}-schema.lock"), fcntl.LOCK_EX)
        try:
            if db.execute("pragma user_version").fetchone()[0] < SCHEMA:  # else another process was faster
                db.execute("pragma journal_mode = wal")
                _migrate(db)
        finally:
            unlock(lock)


def _migrate(db: sqlite3.Connection) -> None:
    # Imported only to make or change a schema: it costs 100 ms.
    with _not_there("numpy"), _not_there("pandas"):  # where it is, for types that are not ours: 330 ms more
        from sqlite_utils import Database
        from sqlite_utils.migrations import Migrations

    migrations = Migrations("evalengine")
    for path in sorted(MIGRATIONS.glob("*.sql")):
        migrations(name=path.stem)(lambda database, path=path: _execute(database, path.read_text()))
    db.execute(f"pragma application_id = {APPLICATION_ID}")
    migrations.apply(Database(db, execute_plugins=False))
    db.execute(f"pragma user_version = {SCHEMA}")


@contextlib.contextmanager
def _not_there(module: str) -> Iterator[None]:
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment] # what the import system takes for "no such module"
    try:
        yield
    finally:
        del sys.modules[module]


def _execute(database: Any, statements: str) -> None:
    # Not executescript, which would commit the migration's transaction first.
    for statement in statements.split(";\n"):
        if statement.strip():
            database.execute(statement)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.name == ".evalengine" and not (folder / ".gitignore").exists():
            (folder / ".gitignore").write_text("*\n")
    except OSError as error:
        msg = f"cannot make the folder {str(folder)!r}: {error.strerror}. Name another database with --db"
        raise StoreError(msg) from error


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn errors of the file system and of SQLite's into ours."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        raise as_ours(path, error) from error


def as_ours(path: Path, error: Exception) -> Exception:
    """Return the error of ours that an error of the file system or of SQLite's means."""
    text = str(error)
    if isinstance(error, OSError) or any(part in text.lower() for part in _FULL):
        return StorageError(f"{path} cannot be written: {text}. What was stored is intact")
    if "locked" in text or "busy" in text:
        return StorageError(f"{path} was busy for {_BUSY_S:.0f} s: another process holds it. What was stored is intact")
    return StoreError(f"{path}: {text}")
