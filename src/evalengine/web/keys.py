"""API keys: made, looked up, revoked. A key itself is shown once and never stored, only its SHA-256."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalengine import references
from evalengine.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.web.rows import Rows

SCOPES = ("read", "pages", "play", "run", "admin")
PREFIX = "ee_"
_LONGEST = 200  # characters of a key that is looked up at all
_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A key, without what is secret of it."""

    number: int
    name: str
    scopes: frozenset[str]
    created: float  # seconds since 1970
    revoked: float | None = None

    def may(self, scope: str) -> bool:
        """Say whether it holds a scope; "admin" holds all."""
        return self.revoked is None and bool(self.scopes & {scope, "admin"})


class Keys:
    """The keys of one database."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def create(self, name: str, scopes: Sequence[str], prefix: str = PREFIX) -> str:
        """Store a new key and return it: the only time that it is known.

        Raises:
            UsageError: the name is none or taken; UnknownNameError: there is no such scope.
        """
        if not _NAME.fullmatch(name):
            msg = f"{name!r} is no name for a key: 1 to 64 letters, digits, '_', '.', '@' or '-'"
            raise UsageError(msg)
        for scope in scopes:
            if scope not in SCOPES:
                kind = "scope"
                raise references.unknown(kind, scope, SCOPES, "evalengine keys create --help")
        if not scopes:
            msg = f"a key needs a scope: {', '.join(SCOPES)}"
            raise UsageError(msg)
        key = prefix + secrets.token_urlsafe(32)
        sql = "insert into api_key (name, digest, scopes, created) values (?, ?, ?, ?)"
        try:
            self._rows.change(sql, name, _digest(key), json.dumps(sorted({*scopes})), time.time())
        except sqlite3.IntegrityError:
            msg = f"there is a key {name!r} already: evalengine keys revoke {name}, or take another name"
            raise UsageError(msg) from None
        return key

    def find(self, key: str) -> Key | None:
        """Return the key that a client shows, None when it is forged or revoked."""
        if not 0 < len(key) <= _LONGEST:
            return None
        # The index compares digests: how long that takes says nothing of a key, whose digest nobody can choose.
        digest = _digest(key)
        rows = self._rows.read("select * from api_key where digest = ? and revoked is null", digest)
        return _key(rows[0]) if rows and hmac.compare_digest(rows[0]["digest"], digest) else None

    def numbered(self, number: int) -> Key | None:
        """Return the key of a number, None when it is revoked."""
        rows = self._rows.read("select * from api_key where id = ? and revoked is null", number)
        return _key(rows[0]) if rows else None

    def list(self) -> Sequence[Key]:
        """Return all keys in the order of their making, revoked ones too."""
        return [_key(row) for row in self._rows.read("select * from api_key order by id")]

    def revoke(self, name: str) -> None:
        """End a key: from now on it is as a forged one.

        Raises:
            UnknownNameError: there is none, or it is revoked already.
        """
        done = self._rows.change("update api_key set revoked = ? where name = ? and revoked is null", time.time(), name)
        if not done.rowcount:
            names = [key.name for key in self.list() if key.revoked is None]
            kind = "key"
            raise references.unknown(kind, name, names, "evalengine keys list")


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _key(row: sqlite3.Row) -> Key:
    return Key(
        number=row["id"],
        name=row["name"],
        scopes=frozenset(json.loads(row["scopes"])),
        created=row["created"],
        revoked=row["revoked"],
    )
