"""Agents behind URLs: Kaggle's convention, and what becomes of servers that break it."""

import json
import time

import pytest
from runs import Place
from servers import Server, drip, half, hang, send

import evalengine
from evalengine.errors import AgentError
from evalengine.plugins import Plugins

pytest.importorskip("httpx")
SEED = 5_000_000_000_000


def play_first(handler, asked, _number):
    send(handler, 200, {"action": asked["state"]["observation"]["legal"][0]})


@pytest.fixture
def played(tmp_path):
    def play(agent, *, n=2, games="tictactoe", rival="first", **more):
        return evalengine.run(games, [agent, rival], n=n, seed=SEED, db=tmp_path / "arena.db", workers=1, **more)

    return play


def fault_of(run):
    """Return (kind, detail) of the only fault there is."""
    rows = run._store.rows("select distinct kind, detail from fault")
    assert len(rows) == 1, rows
    return rows[0]["kind"], rows[0]["detail"]


def test_a_server_plays_like_the_agent_that_it_runs(played):
    with Server(play_first) as server:
        run = played(server.url, n=4)
    assert run.summary()["finished"] == 4
    assert run.faults == {}
    both_first = played("a=first", rival="b=first", n=4)
    assert [match["scores"] for match in run.matches] == [match["scores"] for match in both_first.matches]


def test_it_is_asked_as_kaggle_asks(played):
    with Server(play_first) as server:
        played(f"{server.url}/deep/path?agents[]=bot.py#environment=connectx&turn_s=7", n=2, games="connect4")
    asked = server.asked[0]
    assert set(asked) == {"action", "configuration", "environment", "state", "info"}
    assert (asked["action"], asked["environment"]) == ("act", "connectx")
    assert asked["configuration"]["actTimeout"] == 7.0
    observation = asked["state"]["observation"]
    assert observation["board"] == observation["view"]["board"]
    assert observation["mark"] in (1, 2)
    assert observation["remainingOverageTime"] == 0
    assert observation["step"] == observation["turn"]


def test_one_connection_serves_a_whole_match(played):
    with Server(play_first) as server:
        played(server.url, n=2, concurrency=1)
    assert len(server.asked) > 4
    assert server.connections == 1


def test_matches_at_once_are_told_apart_and_many(played):
    def slow(handler, asked, number):
        by = time.monotonic() + 5.0
        while server.at_once < 8 and time.monotonic() < by:  # until the others have come, once
            time.sleep(0.005)
        play_first(handler, asked, number)

    with Server(slow) as server:
        played(server.url, n=24, concurrency=8)
    assert server.at_once == 8
    assert len({asked["info"]["match"] for asked in server.asked}) == 24


LATE = "#turn_s=0.4"
PATIENT = "#turn_s=10"
BROKEN = {
    "hangs": (lambda handler, asked, server: hang(server), "timeout", "no whole answer within 0.40 s"),
    "drips": (lambda handler, asked, server: drip(handler, {"action": 0}, server), "timeout", "no whole answer within"),
    "fails": (lambda handler, asked, server: send(handler, 500, b"oops"), "crash", "status 500: 'oops'"),
    "is not there": (lambda handler, asked, server: send(handler, 404, b""), "protocol", "status 404: ''"),
    "redirects": (
        lambda handler, asked, server: send(handler, 307, b"", location="/elsewhere"),
        "protocol",
        "status 307: redirects are not followed",
    ),
    "says garbage": (lambda handler, asked, server: send(handler, 200, b"\x1b[2J<html>"), "protocol", "not JSON"),
    "says NaN": (lambda handler, asked, server: send(handler, 200, b'{"action": NaN}'), "protocol", "not JSON"),
    "nests deep": (lambda handler, asked, server: send(handler, 200, b"[" * 60_000), "protocol", "not JSON"),
    "says too much": (
        lambda handler, asked, server: send(handler, 200, b" " * (1 << 20)),
        "protocol",
        "an answer of more than 65536 bytes",
    ),
    "compresses": (
        lambda handler, asked, server: send(handler, 200, b"x", content_encoding="gzip"),
        "protocol",
        "a compressed answer",
    ),
    "cuts": (lambda handler, asked, server: half(handler, {"action": 0}), "protocol", "the connection broke"),
    "says no action": (lambda handler, asked, server: send(handler, 200, [0]), "protocol", "no object with the key"),
    "has an error": (
        lambda handler, asked, server: send(handler, 200, {"error": "boom", "trace": "Traceback ..."}),
        "crash",
        "boom",
    ),
    "tells an exception": (
        lambda handler, asked, server: send(handler, 200, {"action": "BaseException::boom"}),
        "crash",
        "boom",
    ),
    "tells a timeout": (
        lambda handler, asked, server: send(handler, 200, {"action": "DeadlineExceeded"}),
        "timeout",
        "the server says",
    ),
    "plays a text": (lambda handler, asked, server: send(handler, 200, {"action": "0"}), "illegal", "'0': not a legal"),
    "plays a float": (lambda handler, asked, server: send(handler, 200, {"action": 0.0}), "illegal", "0.0: not a"),
    "plays the impossible": (
        lambda handler, asked, server: send(handler, 200, {"action": 10**30}),
        "illegal",
        "an action that cannot be stored",
    ),
    "plays half a pair": (
        lambda handler, asked, server: send(handler, 200, b'{"action": "\\ud800"}'),
        "illegal",
        "an action that cannot be stored",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_server_that_breaks_the_convention_loses_by_a_fault_of_its_kind(what, played):
    answer, kind, detail = BROKEN[what]
    with Server(lambda handler, asked, _number: answer(handler, asked, server)) as server:
        began = time.monotonic()
        # Others are given the time that a busy machine may need.
        run = played(f"{server.url}{LATE if detail.startswith('no whole') else PATIENT}", n=2)
        took_s = time.monotonic() - began
    found_kind, found_detail = fault_of(run)
    assert (found_kind, run.voids) == (kind, 0)
    assert found_detail.startswith(detail)
    assert all(c.isprintable() for c in found_detail)
    assert [line.agent for line in run.standings] == ["first", f"127.0.0.1-{server.port}"]
    assert took_s < 20, "a limit was stretched"


def test_nobody_there_is_a_crash(played):
    with Server(play_first) as server:
        pass
    kind, detail = fault_of(played(server.url))
    assert kind == "crash"
    assert detail.startswith("no connection")


def test_its_results_are_flagged_and_never_reused_nor_played_again_for_a_check(tmp_path):
    place = Place(tmp_path)
    (tmp_path / "bot.py").write_text("def act(observation):\n    return observation.legal[-1]\n")
    try:
        with Server(play_first) as server:
            done = place.run(
                "run", f"web={server.url}", "bot.py", "--games", "tictactoe", "-n", "2", "--concurrency", "3"
            )
            asked = len(server.asked)
        assert f"web: asks {server.url}; not pinned: its results are never reused" in done.stderr
        assert place.rows("select distinct key from match") == [(None,)]
        assert place.rows("select pinned from agent order by agent_no") == [(0,), (1,)]
        turns = sum(turns for (turns,) in place.rows("select turns from match"))
        assert asked <= turns, "a match was played again"
        place.check_clean()
    finally:
        place.close()


REFUSED = {
    "http://": "names no host",
    "http://user:secret@host/": "no user or password in a URL",
    "http://host:x/": "is no URL",
    "http://ho st/": "names no host",
    "http://host/#turns=3": "there is no option 'turns'. Did you mean 'turn_s'?",
    "http://host/#turn_s=0": "turn_s must be from 0.01 to 86400",
    "http://host/#turn_s=nan": "turn_s must be from",
    "http://host/#turn_s=1&turn_s=2": "turn_s is given twice",
    "http://host/#turn_s": "write options as NAME=VALUE",
}


@pytest.mark.parametrize("ref", REFUSED)
def test_a_wrong_reference_is_told_in_one_line(ref):
    with pytest.raises(AgentError) as told:
        Plugins().hook.evalengine_load_agent(ref=ref)
    assert REFUSED[ref] in str(told.value)
    assert "\n" not in str(told.value)
    assert "secret" not in str(told.value)


def test_without_httpx_one_line_names_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(AgentError, match=r"^http: agents need httpx: pip install 'evalengine\[remote\]'$"):
        Plugins().hook.evalengine_load_agent(ref="http://host/")


def test_views_of_arrays_are_sent_as_lists():
    from evalengine.builtin.http_agent import _plain

    numpy = pytest.importorskip("numpy")
    assert json.dumps({"view": numpy.eye(2, dtype=int)}, default=_plain) == '{"view": [[1, 0], [0, 1]]}'
