"""Sign-up: who may, what keys come of it, what strangers are told."""

import contextlib
import sqlite3
import time

import httpx
import pytest
from gertlabs import GertClient, GertError
from served import LIMIT_S, Served

ANN = {"email": "ann@example.org", "password": "correct horse"}


def signed_up(served, **credentials):
    """Return a client that is logged in, and the proof that it is."""
    http = httpx.Client(base_url=served.base_url, timeout=LIMIT_S)
    http.post("/auth/register", json=ANN | credentials)
    login = http.post("/auth/login", json=ANN | credentials)
    assert login.status_code == 200, login.text
    return http, {"x-csrf-token": login.json()["data"]["csrf_token"]}


def key_of(http, proof, name="mine"):
    answer = http.post("/auth/api-keys", json={"name": name}, headers=proof)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]["key"]


def told(answer):
    return answer.status_code, answer.json()["error"]["code"]


def test_keys_of_one_account_share_what_it_has_and_others_see_nothing(served):
    http, proof = signed_up(served)
    other, other_proof = signed_up(served, email="bob@example.org")
    with contextlib.closing(http), contextlib.closing(other):
        one, two = (key_of(http, proof, name="the same name/../") for _ in range(2))
        assert one.startswith("sk_gert_")
        with served.client(key=one) as mine, served.client(key=two) as again:
            s = mine.play.create(game="tictactoe", seats=1, vs_ai=True)
            assert again.sessions.get(s["session_id"])["session_id"] == s["session_id"]
            assert mine.billing.balance()
        with served.client(key=key_of(other, other_proof)) as bob:
            assert bob.sessions.list() == []
        with pytest.raises(httpx.HTTPStatusError, match="400"):  # such a key administers nothing
            httpx.post(
                f"{served.url}/api/jobs", json={"kind": "evaluate", "request": {"games": "./x.py"}},
                headers={"x-api-key": one},
            ).raise_for_status()  # fmt: skip


def test_nothing_of_passwords_cookies_and_keys_is_in_the_file(served):
    http, proof = signed_up(served, email="carl@example.org", password="very secret indeed")
    with contextlib.closing(http):
        secrets = [key_of(http, proof), *proof.values(), *http.cookies.values(), "very secret indeed"]
    with contextlib.closing(sqlite3.connect(served.folder / "arena.db")) as database:
        database.execute("pragma wal_checkpoint(truncate)")
    stored = (served.folder / "arena.db").read_bytes()
    assert b"carl@example.org" in stored
    assert not [secret for secret in secrets if secret.encode() in stored]


def test_who_is_not_logged_in_gets_no_key(served):
    http, proof = signed_up(served, email="dora@example.org")
    with contextlib.closing(http), httpx.Client(base_url=served.base_url, timeout=LIMIT_S) as anybody:
        assert told(anybody.post("/auth/api-keys", json={}, headers=proof)) == (401, "UNAUTHORIZED")
        assert told(http.post("/auth/api-keys", json={})) == (403, "CSRF")
        assert told(http.post("/auth/api-keys", json={}, headers={"x-csrf-token": "x"})) == (403, "CSRF")
        taken = anybody.post("/auth/register", json=ANN | {"email": "DORA@example.org"})
        assert told(taken) == (409, "EMAIL_TAKEN")
        for wrong in ({"password": "something else"}, {"email": "nobody@example.org"}):
            refused = anybody.post("/auth/login", json=ANN | {"email": "dora@example.org"} | wrong)
            assert told(refused) == (401, "INVALID_CREDENTIALS")
            assert not anybody.cookies
        foreign = http.post("/auth/api-keys", json={}, headers=proof | {"origin": "https://evil.example"})
        assert told(foreign) == (403, "FOREIGN_ORIGIN")


@pytest.mark.parametrize(
    "wrong",
    [{"email": None}, {"email": 3}, {"email": ["a@b"]}, {"email": "nobody"}, {"email": "a b@c"}, {"email": "x" * 300},
     {"email": "a@\x00b"}, {"password": None}, {"password": "short"}, {"password": {}}, {"password": "x" * 2000}],
)  # fmt: skip
def test_what_is_no_email_or_password_is_refused_by_its_name(served, wrong):
    answer = httpx.post(f"{served.base_url}/auth/register", json=ANN | wrong)
    assert (*told(answer), answer.json()["field"]) == (400, "VALIDATION_ERROR", *wrong)


@pytest.mark.parametrize(
    "headers", [{"x-forwarded-for": "203.0.113.7"}, {"forwarded": "for=203.0.113.7"}, {"x-real-ip": "203.0.113.7"}]
)
def test_what_a_proxy_forwards_may_not_sign_up(served, headers):
    for path in ("register", "login", "api-keys"):
        answer = httpx.post(f"{served.base_url}/auth/{path}", json=ANN, headers=headers)
        assert told(answer) == (403, "SIGN_UP_CLOSED")


def test_sign_up_can_be_switched_off_and_attempts_are_counted(tmp_path):
    with Served(tmp_path, settings='[plugins.gertlabs]\nsign_up = "off"\n') as served:
        assert told(httpx.post(f"{served.base_url}/auth/register", json=ANN)) == (403, "SIGN_UP_CLOSED")
    with Served(tmp_path, settings='[plugins.gertlabs]\nsign_up = "open"\n') as served:
        began = time.monotonic()
        forwarded = {"x-forwarded-for": "203.0.113.7"}
        answers = [httpx.post(f"{served.base_url}/auth/login", json=ANN, headers=forwarded) for _ in range(16)]
        assert [answer.status_code for answer in answers[:5]] == [401] * 5
        if time.monotonic() - began < 5:
            assert 429 in {answer.status_code for answer in answers}


def test_a_switch_that_means_nothing_keeps_the_server_from_starting(tmp_path):
    with pytest.raises(AssertionError, match="sign_up must be one of local, open, off"):
        Served(tmp_path, settings='[plugins.gertlabs]\nsign_up = "yes"\n')


def test_keys_hold_scopes(served):
    with served.client("read") as reader:
        assert reader.games.list()
        with pytest.raises(GertError, match="status=403"):
            reader.play.create(game="tictactoe")
    with served.client("play") as player:
        s = player.play.create(game="tictactoe", seats=1, vs_ai=True)
        assert player.sessions.get(s["session_id"])["status"] == "active"
    with served.client("run") as runner, pytest.raises(GertError, match="status=403"):
        runner.games.list()
    with GertClient(api_key="x" * 5000, base_url=served.base_url) as long:
        assert long._http.get("/games").status_code == 401
