"""The server from outside: real processes, real sockets; its start and end, its guard, its keys."""

import contextlib
import json
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

import httpx
import pytest
from commandline import process
from served import LIMIT_S, Served, connections, ended, job, made_key, until
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from evalengine.errors import StoreError
from evalengine.web import answers


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("served"), "--rate", "0") as served:
        yield served


def error_of(answer):
    """Return code and message of an error's envelope, which holds the request's id."""
    body = answer.json()
    assert body["request_id"] == answer.headers["x-request-id"]
    return body["error"]["code"], body["error"]["message"]


# ------------------------------------------------------------------------------ start and end


def test_the_ready_line_names_an_address_that_answers(served):
    assert served.ready == f"evalengine serving http://127.0.0.1:{served.port} (db arena.db)\n"
    answer = httpx.get(served.url + "/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"data": {"status": "ok"}, "meta": {"request_id": answer.headers["x-request-id"]}}


def test_a_taken_port_is_one_line_and_a_matter_of_usage(served, tmp_path):
    done = process("serve", "--port", served.port, cwd=tmp_path)
    assert done.returncode == 4
    assert not done.stdout
    (line,) = done.stderr.splitlines()
    assert f"cannot listen at 127.0.0.1:{served.port}" in line
    assert "--port" in line


def test_an_address_of_another_machine_is_one_line(tmp_path):
    done = process("serve", "--port", 0, "--host", "192.0.2.1", cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (4, 1)


def test_a_second_server_of_one_database_is_refused_and_the_first_goes_on(served):
    done = process("serve", "--port", 0, "--db", "arena.db", cwd=served.folder)
    assert done.returncode == 4
    (line,) = done.stderr.splitlines()
    assert f"served already, by pid {served.process.pid}" in line
    assert httpx.get(served.url + "/healthz").status_code == 200


def test_a_file_that_is_no_database_is_not_served(tmp_path):
    content = b"no database at all, but long enough to look like something"
    (tmp_path / "other.db").write_bytes(content)
    done = process("serve", "--port", 0, "--db", "other.db", cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (4, 1)
    assert (tmp_path / "other.db").read_bytes() == content


def test_the_missing_extra_is_named(tmp_path):
    (tmp_path / "starlette.py").write_text("raise ImportError\n")
    hidden = (
        "import sys, importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'starlette' else find(name, *more)\n"
        "from evalengine.cli import main\nsys.exit(main(['serve']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", hidden], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 4
    assert done.stderr == "error: evalengine serve needs starlette: pip install 'evalengine[web]'\n"


@pytest.mark.slow
def test_what_never_returns_does_not_keep_the_server(tmp_path):
    with Served(tmp_path) as served, served.client() as client:

        def ask():
            with contextlib.suppress(httpx.HTTPError):
                client.get("/stuck")

        asking = threading.Thread(target=ask)
        asking.start()
        until((tmp_path / "stuck").exists, "a thread hangs")
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(LIMIT_S) == 0
        asking.join(LIMIT_S)
        assert "has not ended: the server ends without it" in served.log


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
def test_a_signal_ends_it_with_0_and_lets_go_of_who_waits(tmp_path, number):
    with Served(tmp_path) as served, served.client("admin") as client:
        waited_for = job(client, "count", until="never")
        until((tmp_path / f"began-{waited_for}").exists, "the job begins")
        answers = []
        ask = lambda: answers.append(client.get(f"/api/jobs/{waited_for}", params={"wait": 60}))  # noqa: E731
        waiting = threading.Thread(target=ask)
        waiting.start()
        with connect(f"ws://{served.netloc}/talk") as talk:
            talk.send("hello")
            assert talk.recv(LIMIT_S) == "hello"
            until(lambda: connections(served.port) >= 2, "the long poll has arrived")
            served.process.send_signal(number)
            with pytest.raises(ConnectionClosed):
                talk.recv(LIMIT_S)
        waiting.join(LIMIT_S)
        assert served.process.wait(LIMIT_S) == 0
        assert answers[0].json()["data"]["state"] == "running"
        assert "plugin ended" in served.log
    with Served(tmp_path) as served, served.client("admin") as client:  # the job was not lost
        (tmp_path / "never").touch()
        assert ended(client, waited_for)["result"] == {"processes": 2}


# -------------------------------------------------------------------------------- who may ask


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "localhost.evil.example", "10.1.2.3:{port}", "", "a b", "[::1",
             "127.0.0.1:{port}:80", "user@localhost", "localhost/x", "0.0.0.0:{port}", "x" * 300],
)  # fmt: skip
def test_other_names_are_refused(served, host):
    answer = httpx.get(served.url + "/healthz", headers={"host": host.format(port=served.port)})
    assert answer.status_code == 421
    assert error_of(answer)[0] == "UNKNOWN_HOST"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:{port}", "127.0.0.1:{port}", "localhost.:1", "[::1]:{port}"])
def test_names_of_this_machine_are_answered_to(served, host):
    answer = httpx.get(served.url + "/healthz", headers={"host": host.format(port=served.port)})
    assert answer.status_code == 200


FOREIGN = [
    "http://evil.example",
    "null",
    "http://localhost:1",
    "https://127.0.0.1.evil.example",
    "file://",
    "",
    "x" * 500,
]


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "BREW"])
def test_pages_of_others_may_change_nothing(served, origin, method):
    answer = httpx.request(method, served.url + "/echo", headers={"origin": origin})
    assert answer.status_code == 403
    assert error_of(answer)[0] == "FOREIGN_ORIGIN"


@pytest.mark.parametrize("origin", FOREIGN)
def test_pages_of_others_may_open_no_websocket(served, origin):
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(f"ws://{served.netloc}/talk", additional_headers={"Origin": origin}),
    ):
        pass
    assert refused.value.response.status_code == 403
    assert json.loads(refused.value.response.body)["error"]["code"] == "FOREIGN_ORIGIN"


@pytest.mark.parametrize("origin", [None, "http://{netloc}", "https://{netloc}"])
def test_programs_and_our_own_pages_may(served, origin):
    headers = {} if origin is None else {"origin": origin.format(netloc=served.netloc)}
    assert httpx.post(served.url + "/echo", headers=headers, content=b"abc").json()["bytes"] == 3
    with connect(f"ws://{served.netloc}/talk", additional_headers=headers) as talk:
        talk.send("hello")
        assert talk.recv(LIMIT_S) == "hello"


def test_a_public_name_behind_a_proxy_is_answered_to_and_its_pages_may_change_things(tmp_path):
    with Served(tmp_path, "--allow-host", "Arena.example") as served:
        answer = httpx.post(
            served.url + "/echo", headers={"host": "arena.example", "origin": "https://arena.example"}, content=b"abc"
        )
        assert answer.status_code == 200
        rewritten = httpx.post(served.url + "/echo", headers={"origin": "https://arena.example"})
        assert rewritten.status_code == 200
        other = httpx.post(served.url + "/echo", headers={"host": "arena.example", "origin": "https://other.example"})
        assert other.status_code == 403


def test_forwarded_addresses_are_believed_of_named_proxies_only(served, tmp_path):
    headers = {"x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "https"}
    assert httpx.post(served.url + "/echo", headers=headers).json()["client"] == "127.0.0.1"
    with Served(tmp_path, "--trust-proxy", "127.0.0.1") as behind:
        assert httpx.post(behind.url + "/echo", headers=headers).json()["client"] == "192.0.2.7"


# ---------------------------------------------------------------------------------------- keys


def test_a_key_opens_what_its_scope_says_and_is_shown_once(served):
    key = served.key("play", name="ann")
    assert key.startswith("ee_")
    for headers in ({"x-api-key": key}, {"authorization": f"Bearer {key}"}):
        assert httpx.get(served.url + "/secret", headers=headers).json() == {"name": "ann"}
    assert key not in process("keys", "list", "--db", "arena.db", cwd=served.folder).stdout
    with sqlite3.connect(served.folder / "arena.db") as db:
        everything = "\n".join(db.iterdump())
    db.close()
    assert key not in everything
    assert key.removeprefix("ee_") not in everything


@pytest.mark.parametrize(
    "shown",
    [{}, {"x-api-key": "forged"}, {"x-api-key": ""}, {"x-api-key": "x" * 5000}, {"authorization": "Basic abc"},
     {"authorization": "Bearer"}, {"x-api-key": b"\xff\xfe"}, {"x-api-key": "' or 1=1 --"}],
)  # fmt: skip
def test_a_forged_key_opens_nothing(served, shown):
    answer = httpx.get(served.url + "/secret", headers=shown)
    assert answer.status_code == 401
    assert error_of(answer)[0] == "UNAUTHORIZED"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_two_keys_at_once_are_none(served):
    one, two = served.key("play"), served.key("play")
    assert httpx.get(served.url + "/secret", headers=[("x-api-key", one), ("x-api-key", two)]).status_code == 401


def test_a_key_without_the_scope_is_refused_and_admin_has_all(served):
    with served.client("read") as reader:
        answer = reader.get("/secret")
        assert (answer.status_code, error_of(answer)[0]) == (403, "FORBIDDEN")
    with served.client("admin") as admin:
        assert admin.get("/secret").status_code == 200


def test_a_revoked_key_opens_nothing_from_the_next_request_on(served):
    key = served.key("play", name="soon-gone")
    assert httpx.get(served.url + "/secret", headers={"x-api-key": key}).status_code == 200
    assert process("keys", "revoke", "soon-gone", "--db", "arena.db", cwd=served.folder).returncode == 0
    assert httpx.get(served.url + "/secret", headers={"x-api-key": key}).status_code == 401
    again = served.key("play", name="soon-gone")  # the name is free again, the old key stays dead
    assert httpx.get(served.url + "/secret", headers={"x-api-key": again}).status_code == 200
    assert httpx.get(served.url + "/secret", headers={"x-api-key": key}).status_code == 401


def test_a_websocket_without_the_scope_is_refused_at_the_upgrade(served):
    with pytest.raises(InvalidStatus) as refused, connect(f"ws://{served.netloc}/closed"):
        pass
    assert refused.value.response.status_code == 401
    with connect(f"ws://{served.netloc}/closed", additional_headers={"X-API-Key": served.key("play")}):
        pass


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("create", "a b", "--scope", "play"), "no name for a key"),
        (("create", "\x1b[31m", "--scope", "play"), "no name for a key"),
        (("create", "ann"), "--scope"),
        (("create", "ann", "--scope", "playing"), 'Did you mean "play"?'),
        (("revoke", "nobody"), 'no key "nobody"'),
    ],
)
def test_wrong_words_about_keys_are_one_line_each(tmp_path, words, told):
    made_key(tmp_path, "play", name="bob")
    done = process("keys", *words, "--db", "arena.db", cwd=tmp_path)
    assert done.returncode == 4
    assert told in done.stderr.splitlines()[0]
    assert "\x1b" not in done.stderr


def test_a_name_is_taken_until_its_key_is_revoked(tmp_path):
    made_key(tmp_path, "play", name="bob")
    done = process("keys", "create", "bob", "--scope", "run", "--db", "arena.db", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (4, "")
    assert "evalengine keys revoke bob" in done.stderr


def test_keys_are_listed_for_programs(tmp_path):
    made_key(tmp_path, "play", "read", name="bob")
    (found,) = json.loads(process("keys", "list", "--format", "json", "--db", "arena.db", cwd=tmp_path).stdout)
    assert found["name"] == "bob"
    assert found["scopes"] == ["play", "read"]
    assert found["revoked"] is None


def test_keys_of_no_database_are_asked_for_in_vain(tmp_path):
    done = process("keys", "list", "--db", "none.db", cwd=tmp_path)
    assert done.returncode == 4
    assert not (tmp_path / "none.db").exists()


# ------------------------------------------------------------------------------------- how much


MIB = 1 << 20


def test_a_body_above_the_limit_is_refused_and_below_it_is_read(served):
    assert httpx.post(served.url + "/echo", content=b"x" * (4 * MIB)).json()["bytes"] == 4 * MIB
    answer = httpx.post(served.url + "/echo", content=b"x" * (4 * MIB + 1))
    assert answer.status_code == 413
    assert error_of(answer) == ("BODY_TOO_LARGE", f"the body may have {4 * MIB} bytes")


def test_a_body_without_a_length_is_counted(served):
    def parts(count):
        return (b"x" * (64 << 10) for _ in range(count))

    assert httpx.post(served.url + "/echo", content=parts(64)).json()["bytes"] == 4 * MIB
    head = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = served.raw(head + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 65 + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_plugin_may_allow_more_for_its_own_paths(served):
    assert httpx.post(served.url + "/large", content=b"x" * (6 * MIB)).json()["bytes"] == 6 * MIB
    assert httpx.post(served.url + "/large", content=b"x" * (6 * MIB + 1)).status_code == 413


def test_a_body_of_a_terabyte_is_refused_before_it_comes(served):
    answer = served.raw(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1099511627776\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()


def test_a_websocket_message_above_a_mebibyte_closes_it(served):
    with connect(f"ws://{served.netloc}/talk", max_size=4 * MIB) as talk:
        talk.send("x" * MIB)
        assert len(talk.recv(LIMIT_S)) == MIB
        talk.send("x" * (MIB + 1))
        with pytest.raises(ConnectionClosed) as closed:
            talk.recv(LIMIT_S)
        assert closed.value.rcvd.code == 1009


def test_who_asks_too_often_waits_and_others_do_not(tmp_path):
    with Served(tmp_path, "--rate", "1") as served, served.client("play") as one, served.client("play") as two:
        answers = [one.get("/secret") for _ in range(12)]
        states = [answer.status_code for answer in answers]
        assert states[:4] == [200] * 4
        assert 429 in states
        refused = answers[states.index(429)]
        assert error_of(refused)[0] == "RATE_LIMITED"
        assert 1 <= int(refused.headers["retry-after"]) <= 2
        assert two.get("/secret").status_code == 200
        forged = [httpx.get(served.url + "/healthz", headers={"x-api-key": f"forged-{n}"}) for n in range(12)]
        assert 429 in [answer.status_code for answer in forged]  # new keys are no new buckets
        assert two.get("/secret").status_code == 200


def test_who_asks_one_thing_after_another_is_slowed_down_and_not_refused(tmp_path):
    with Served(tmp_path, "--rate", "40") as served, served.client("play") as one:
        began = time.monotonic()
        assert {one.get("/secret").status_code for _ in range(200)} == {200}
        assert time.monotonic() - began > 0.9  # 160 at once, and 40 a second


# ------------------------------------------------------------------------------ what is malformed


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/x.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # no name
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nBad Header: x\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET http://evil.example/healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET /talk HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        (
            b"GET /talk HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 7\r\nSec-WebSocket-Key: x\r\n\r\n"
        ),
    ],
)
def test_what_is_no_request_is_answered_by_4xx_and_hurts_nobody(served, data):
    answer = served.raw(data)
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), answer[:200]
    assert b"Traceback" not in answer
    assert httpx.get(served.url + "/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/%00", "/api/jobs/", "/healthz/",
                                  "/api/jobs/1e3", "/api/jobs/-1", "/%ff", "/" + "a" * 5000])  # fmt: skip
def test_a_path_that_nobody_serves_is_404_without_a_redirect(served, path):
    answer = served.raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b'"code": "NOT_FOUND"' in answer


def test_a_wrong_method_is_405_and_says_which_are_right(served):
    answer = httpx.delete(served.url + "/healthz")
    assert (answer.status_code, error_of(answer)[0]) == (405, "METHOD_NOT_ALLOWED")
    assert "GET" in answer.headers["allow"]


BODIES = [b"{", b"[]", b"1", b"null", b'{"kind": NaN}', b'{"kind": 1e999}', b"\xff", b'{"kind": "\\ud800"}',
          b"[" * 100_000, b'{"a":' * 90_000, b'{"kind": ' + b"9" * 5000 + b"}", b'{"kind": 5}', b"{}",
          b'{"kind": "count", "request": [1]}', b'{"kind": "count", "other": 1}',
          b'{"kind": "cuont"}', b'{"kind": "count", "request": {"until": 5}}',
          b'{"kind": "count", "request": {"x": 5}}', b'{"kind": "evaluate"}']  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:30]))
def test_a_body_that_means_nothing_is_400_in_the_envelope(served, body):
    with served.client("admin") as client:
        before = len(client.get("/api/jobs").json()["data"]["jobs"])
        answer = client.post("/api/jobs", content=body)
        assert answer.status_code == 400, answer.text
        code, message = error_of(answer)
        assert code in {"INVALID_JSON", "VALIDATION_ERROR", "UNKNOWN_NAME"}
        assert message
        assert len(client.get("/api/jobs").json()["data"]["jobs"]) == before


@pytest.mark.slow
def test_more_connections_than_open_files_are_refused_and_later_ones_answered(tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))

    with Served(tmp_path, "--rate", "0", preexec_fn=limit) as served:
        with contextlib.ExitStack() as opened:
            for _ in range(60):
                opened.enter_context(socket.create_connection(("127.0.0.1", served.port)))
            until(lambda: connections(served.port) >= 60, "all are there")
            assert httpx.get(served.url + "/healthz").status_code == 503
            for _ in range(300):
                opened.enter_context(socket.create_connection(("127.0.0.1", served.port)))
        until(lambda: connections(served.port) == 0, "all are gone")
        answers = until(lambda: httpx.get(served.url + "/healthz").status_code == 200, "it answers again")
        assert answers
        assert served.process.poll() is None


@pytest.mark.slow
@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: local"])
def test_a_connection_without_a_request_is_closed(served, sent):
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as silent:
        silent.sendall(sent)
        assert silent.recv(1) == b""


@pytest.mark.slow
def test_a_body_that_does_not_come_is_408(served):
    head = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf"
    assert served.raw(head, limit_s=90).startswith(b"HTTP/1.1 408 ")


def test_small_answers_are_sent_at_once(served):
    with served.client("admin") as client:
        client.get("/api/jobs")

        def took_s():
            before = time.monotonic()
            client.post("/echo", content=b"x")
            return time.monotonic() - before

        # The least of many: a held back answer takes 40 ms each time, a busy machine takes longer now and then.
        assert min(took_s() for _ in range(30)) < 0.03


# ------------------------------------------------------------------------------------- answers


def test_every_answer_bears_the_headers_that_browsers_need(served):
    for answer in (
        httpx.get(served.url + "/healthz"),
        httpx.get(served.url + "/nowhere"),
        httpx.get(served.url + "/crash"),
        httpx.get(served.url + "/healthz", headers={"host": "evil.example"}),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-request-id"]
        assert "server" not in answer.headers


def test_a_crash_is_a_number_for_the_client_and_a_line_in_the_log(served):
    answer = httpx.get(served.url + "/crash")
    assert answer.status_code == 500
    assert error_of(answer) == ("INTERNAL_ERROR", "the server made a mistake; its log says more")
    assert "secret" not in answer.text
    number = answer.headers["x-request-id"]
    (line,) = until(lambda: [line for line in served.log.splitlines(True) if number in line], "it is logged")
    assert "ValueError: secret of the server" in line
    assert "house_plugin.py" in line
    assert "\x1b" not in served.log


def test_a_crash_within_an_answer_cuts_it(served):
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(served.url + "/half")
    assert httpx.get(served.url + "/healthz").status_code == 200


def test_a_full_disk_is_503_and_tells_no_path(served):
    answer = httpx.get(served.url + "/full")
    assert (answer.status_code, error_of(answer)[0]) == (503, "STORAGE_ERROR")
    assert "secret" not in answer.text
    assert "/secret/path is full" in served.log


def test_a_refusal_of_a_plugin_is_its_own_and_a_page_for_a_browser(served):
    answer = httpx.get(served.url + "/teapot")
    assert answer.status_code == 418
    assert answer.json()["error"] == {"code": "TEAPOT", "message": "<b>short and stout</b>"}
    assert answer.json()["more"] == "extra"
    page = httpx.get(served.url + "/teapot", headers={"accept": "text/html,*/*"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "&lt;b&gt;short and stout" in page.text


def test_a_websocket_whose_route_crashes_is_closed_with_1011(served):
    with connect(f"ws://{served.netloc}/talk") as talk:
        talk.send("crash")
        with pytest.raises(ConnectionClosed) as closed:
            talk.recv(LIMIT_S)
    assert closed.value.rcvd.code == 1011


@pytest.mark.slow
def test_the_connection_of_a_client_that_reads_nothing_ends_with_its_websocket(tmp_path):
    asked = (
        b"GET /flood HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with Served(tmp_path) as own, socket.create_connection(("127.0.0.1", own.port)) as connection:
        connection.sendall(asked)
        assert connection.recv(12) == b"HTTP/1.1 101"
        until(lambda: not connections(own.port), "the connection is gone", 30)


def test_metrics_count_and_hold_nothing_that_clients_send(served):
    httpx.request("BREW", served.url + "/<script>")
    text = httpx.get(served.url + "/metrics").text
    assert 'evalengine_requests_total{method="OTHER",status="404"}' in text
    assert 'evalengine_jobs{state="queued"}' in text
    assert "script" not in text
    with connect(f"ws://{served.netloc}/talk") as talk:
        talk.send("x")
        talk.recv(LIMIT_S)
        assert "evalengine_websockets 1.0" in httpx.get(served.url + "/metrics").text
    until(lambda: "evalengine_websockets 0.0" in httpx.get(served.url + "/metrics").text, "the socket is gone")


# ----------------------------------------------------------------------------- plugins, a full disk


def test_a_plugin_whose_routes_fail_is_named_in_one_line(tmp_path):
    (tmp_path / "bad.py").write_text(
        "from evalengine import hookimpl\n@hookimpl\ndef evalengine_routes(server):\n    raise ValueError('no')\n"
    )
    done = process("serve", "--port", 0, "-p", "bad", cwd=tmp_path)
    assert done.returncode == 4
    assert done.stderr == (
        "error: plugin 'bad' failed in evalengine_routes: ValueError: no. Switch it off with '-p no:bad'\n"
    )


def test_a_plugin_that_cannot_begin_is_named_in_one_line(tmp_path):
    (tmp_path / "bad.py").write_text(
        "from evalengine import hookimpl\nasync def begin():\n    raise ValueError('no')\n"
        "@hookimpl\ndef evalengine_routes(server):\n    server.on_start(begin)\n    return []\n"
    )
    done = process("serve", "--port", 0, "-p", "bad", cwd=tmp_path)
    assert done.returncode == 4
    assert done.stderr == (
        "error: bad failed at the server's start: ValueError: no. Switch the plugin off with -p no:NAME\n"
    )


def test_when_the_disk_is_full_jobs_are_refused_and_reading_goes_on(tmp_path):
    key = made_key(tmp_path, "admin")

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    headers = {"x-api-key": key}
    with (
        Served(tmp_path, "--rate", "0", preexec_fn=limit) as served,
        httpx.Client(base_url=served.url, headers=headers, timeout=LIMIT_S) as client,
    ):
        body = {"kind": "count", "request": {"until": "x" * 100_000}}
        states = [client.post("/api/jobs", json=body).status_code for _ in range(6)]
        assert states[-1] == 503, states
        assert client.get("/healthz").status_code == 200
        assert client.get("/api/jobs").status_code == 200
        assert "Traceback" not in served.log


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/secret/arena.db has no run 5; the latest is 3", "the database has no run 5; the latest is 3"),
        (".evalengine/arena.db holds no run yet", "the database holds no run yet"),
        ("there is no database '/x y/arena.db' yet", "there is no database the database yet"),
        ("~/x/arena.db was busy", "the database was busy"),
        (
            "match 1/5 does not replay (rule): see evalengine replay",
            "match 1/5 does not replay (rule): see evalengine replay",
        ),
    ],
)
def test_an_error_of_the_store_names_no_path_to_a_client(text, told):
    refused = answers.as_refused(StoreError(text))
    assert (refused.status, refused.message) == (400, told)


@pytest.mark.slow
def test_messages_within_a_websocket_are_slowed_down_and_none_is_lost(tmp_path):
    with Served(tmp_path, "--rate", "20") as own, connect(f"ws://{own.netloc}/talk") as socket:
        began = time.monotonic()
        for number in range(120):  # 80 at once, the others one by one
            socket.send(str(number))
        assert [socket.recv(timeout=30) for _ in range(120)] == [str(number) for number in range(120)]
        assert time.monotonic() - began > 1.8


def test_what_ended_long_ago_is_forgotten_when_it_is_asked_for(tmp_path):
    with Served(tmp_path) as own, own.client("admin") as client:
        old = [job(client, "count") for _ in range(3)]
        for number in old:
            ended(client, number)
    with contextlib.closing(sqlite3.connect(tmp_path / "arena.db")) as db, db:
        db.execute("update job set finished = finished - 10 * 86400 where id < 3")
    files = [tmp_path / "arena.exports" / f"job-{number}.csv" for number in (1, 3)]
    files[0].parent.mkdir()
    for number, file in enumerate(files):
        file.write_text("a")
        os.utime(file, (1e9, 1e9) if number == 0 else None)
    with Served(tmp_path, "--keep", "7") as own, own.client("admin") as client:
        until(lambda: "2 jobs and 0 live matches ended long ago" in own.log, "it is tidied")
        assert [one["id"] for one in client.get("/api/jobs").json()["data"]["jobs"]] == [3]
        until(lambda: not files[0].exists(), "and the files of exports")
        assert files[1].exists()
