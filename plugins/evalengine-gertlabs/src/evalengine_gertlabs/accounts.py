"""Sign-up: accounts with a password, which make keys. For this machine's own people, unless it is opened to all."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import re
import secrets
import time
from typing import TYPE_CHECKING, Any

from evalengine import RefusedError
from evalengine.web.rates import Rates
from evalengine_gertlabs import fields, replies

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from evalengine_gertlabs.api import Api

KEY_PREFIX = "sk_gert_"
SCOPES = ("play", "read", "run")  # of keys that are made here: never "admin"
_COOKIE = "gert_login"
_LOGIN_S = 12 * 3600.0
_MOST_ACCOUNTS, _MOST_KEYS = 1_000, 1_000  # in all; of an account
_PER_ADDRESS_S, _PER_EMAIL_S = 5.0, 2.0  # attempts to sign up or to log in; four times as many at once
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
_SALT = bytes(16)  # of nobody


def routes(api: Api) -> Sequence[Any]:
    """Return the routes."""
    accounts = _Accounts(api)
    return [
        replies.route("/auth/register", accounts.register, "POST"),
        replies.route("/auth/login", accounts.login, "POST"),
        replies.route("/auth/api-keys", accounts.make_key, "POST"),
    ]


class _Accounts:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._addresses, self._emails = Rates(_PER_ADDRESS_S), Rates(_PER_EMAIL_S)
        self._hashing = asyncio.Semaphore(2)  # each takes 16 MiB and a core for a moment

    async def register(self, request: Any) -> Any:
        """Make an account: `{"email", "password"}`."""
        email, password = await self._credentials(request, least=8)
        salt = secrets.token_bytes(16)
        digest = await self._hashed(password, salt)

        def add(connection: sqlite3.Connection) -> int | None:
            if connection.execute("select count(*) from gert_account").fetchone()[0] >= _MOST_ACCOUNTS:
                msg = f"this server has {_MOST_ACCOUNTS} accounts, and makes no more"
                raise replies.conflict(msg, "FULL")
            sql = "insert into gert_account (email, salt, digest, created) values (?, ?, ?, ?) on conflict do nothing"
            done = connection.execute(sql, (email, salt, digest, time.time()))
            return done.lastrowid if done.rowcount else None

        number = await self._api.server.call(self._api.rows.together, add)
        if number is None:
            msg = "there is an account of this email: log in"
            raise replies.conflict(msg, "EMAIL_TAKEN")
        return replies.result(request, {"user_id": f"account-{number}", "email": email}, 201)

    async def login(self, request: Any) -> Any:
        """Answer a right password with a cookie and what proves that a request is no other site's."""
        email, password = await self._credentials(request, least=1)
        rows = await self._api.read("select id, salt, digest from gert_account where email = ?", email)
        # Hashed for nobody too: how long it takes must not say who has an account.
        digest = await self._hashed(password, rows[0]["salt"] if rows else _SALT)
        if not rows or not hmac.compare_digest(digest, rows[0]["digest"]):
            raise RefusedError(401, "INVALID_CREDENTIALS", "there is no account of this email and password")
        cookie, csrf, now = secrets.token_urlsafe(32), secrets.token_urlsafe(32), time.time()

        def add(connection: sqlite3.Connection) -> None:
            connection.execute("delete from gert_login where expires < ?", (now,))
            row = _digest(cookie), rows[0]["id"], _digest(csrf), now + _LOGIN_S
            connection.execute("insert into gert_login values (?, ?, ?, ?)", row)

        await self._api.server.call(self._api.rows.together, add)
        answer = replies.result(request, {"csrf_token": csrf, "user_id": f"account-{rows[0]['id']}", "email": email})
        answer.set_cookie(
            _COOKIE,
            cookie,
            max_age=int(_LOGIN_S),
            path="/api/v1",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return answer

    async def make_key(self, request: Any) -> Any:
        """Make a key of the account that is logged in: `{"name"}`."""
        self._check_allowed(request)
        account = await self._logged_in(request)
        asked = (await fields.of_body(request)).text("name", "key", most=100)
        key, number, name = await self._api.server.call(self._make_key, account, asked)
        made = {"key": key, "key_id": number, "name": name, "scopes": list(SCOPES)}
        return replies.result(request, made, 201)

    # ------------------------------------------------------------------------------------ inside

    def _make_key(self, account: int, asked: str) -> tuple[str, int, str]:
        rows, keys = self._api.rows, self._api.server.keys
        sql = "select count(*) from gert_account_key join api_key on api_key.id = key"
        if rows.read(f"{sql} where account = ? and revoked is null", account)[0][0] >= _MOST_KEYS:
            msg = f"this account has {_MOST_KEYS} keys: have some revoked"
            raise replies.conflict(msg, "TOO_MANY_KEYS")
        # Names of keys are the whole server's: what is asked for is the first part of one.
        name = f"{re.sub('[^A-Za-z0-9_.-]+', '-', asked)[:40]}@{account}-{secrets.token_hex(5)}"
        key = keys.create(name, SCOPES, prefix=KEY_PREFIX)
        found = keys.find(key)
        assert found is not None
        rows.change("insert into gert_account_key values (?, ?)", found.number, account)
        return key, found.number, name

    async def _logged_in(self, request: Any) -> int:
        """Return whose cookie a request shows, with the token that only the page that logged in knows."""
        cookie, csrf = request.cookies.get(_COOKIE, ""), request.headers.get("x-csrf-token", "")
        sql = "select account, csrf from gert_login where digest = ? and expires > ?"
        rows = await self._api.read(sql, _digest(cookie), time.time())
        if not rows:
            raise RefusedError(401, "UNAUTHORIZED", "log in first: POST /auth/login gives a cookie")
        if not hmac.compare_digest(_digest(csrf), rows[0]["csrf"]):
            raise RefusedError(403, "CSRF", "X-CSRF-Token must be the csrf_token of this login")
        return int(rows[0]["account"])

    async def _credentials(self, request: Any, least: int) -> tuple[str, str]:
        self._check_allowed(request)
        address = request.client.host if request.client else ""
        self._check_rate(self._addresses, address)
        body = await fields.of_body(request)
        email: str = body.text("email", most=254, least=3).strip().casefold()
        if not re.fullmatch(r"[^\s@]+@[^\s@]+", email) or not email.isprintable():
            msg = "email must be a name, @, and a place"
            raise replies.invalid(msg, "email")
        password: str = body.text("password", least=least, most=1000)
        self._check_rate(self._emails, email)
        return email, password

    def _check_rate(self, rates: Rates, who: str) -> None:
        if wait_s := rates.wait_s(who):
            retry = {"retry-after": str(int(wait_s) + 1)}
            raise RefusedError(429, "RATE_LIMITED", f"too many attempts: wait {wait_s:.1f} s", headers=retry)

    def _check_allowed(self, request: Any) -> None:
        """Refuse strangers: who does not ask from this machine, by a name of it, and not through a proxy."""
        sign_up = self._api.options.sign_up
        if sign_up != "open" and not (sign_up == "local" and _is_local(request)):
            told = "nobody signs up here" if sign_up == "off" else "only this machine's own people sign up here"
            raise RefusedError(
                403, "SIGN_UP_CLOSED", f"{told}: who runs the server makes keys by evalengine keys create"
            )

    async def _hashed(self, password: str, salt: bytes) -> bytes:
        async with self._hashing:
            found: bytes = await self._api.server.call(_scrypt, password, salt)
        return found


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << 14, r=8, p=1)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _is_local(request: Any) -> bool:
    """Say whether a request comes from this machine, and not from a proxy on it that forwards a stranger's."""
    name = request.url.hostname or ""
    address = request.client.host if request.client else ""
    called = name == "localhost" or _is_loopback(name)
    return called and _is_loopback(address) and not any(header in request.headers for header in _FORWARDED)


def _is_loopback(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False
