"""Language models behind OpenAI's chat completions, against a server of ours that behaves as badly as real ones."""

import email.utils
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import msgpack
import pytest
from runs import Place, ended, until
from servers import Server, completion, drip, half, hang, legal_of, play_first, send

import evalengine
from evalengine.errors import AgentError
from evalengine.plugins import Plugins

pytest.importorskip("httpx")
SEED = 5_000_000_000_000
KEY = "sk-very-secret-0123456789"


@pytest.fixture
def played(tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    def play(server, options="", *, n=1, games="tictactoe", rival="first", workers=1, seed=SEED, **more):
        ref = f"m=llm:org/stub@{server.url}/v1?{options}".rstrip("?")
        agents = [ref, rival] if rival else [ref]
        return evalengine.run(games, agents, n=n, seed=seed, db=tmp_path / "arena.db", workers=workers, **more)

    return play


def infos_of(run, match_no=0):
    """Return (turn, info) of all that the model's turns of a match took."""
    blob = run._store.rows("select info from match where id & 0xffffffffff = ?", match_no)[0]["info"]
    return [(turn, info) for turn, _, info in msgpack.unpackb(blob)]


def faults_of(run):
    return [(row["kind"], row["detail"]) for row in run._store.rows("select kind, detail from fault order by match")]


# ---------------------------------------------------------------------------------- good answers


def test_a_model_plays_by_the_texts_of_its_legal_actions(played):
    with Server(play_first) as server:
        run = played(server, "temperature=0&max_tokens=64", n=4)
    assert (run.faults, run.voids) == ({}, 0)
    same = evalengine.run("tictactoe", ["a=first", "b=first"], n=4, seed=SEED, db=run.db.with_name("b.db"), workers=1)
    assert [match["scores"] for match in run.matches] == [match["scores"] for match in same.matches]
    asked = server.asked[0]
    assert {name: asked[name] for name in ("model", "temperature", "max_tokens")} == {
        "model": "org/stub", "temperature": 0.0, "max_tokens": 64,
    }  # fmt: skip
    system, user = (message["content"] for message in asked["messages"])
    assert "ACTION:" in system
    for told in ("Three in a row", "You have seat", "Position, as your seat sees it:", '"board":', "[1] "):
        assert told in user


def test_what_a_turn_took_is_stored_beside_it(played):
    with Server(play_first) as server:
        run = played(server, "price_in=2&price_out=10")
    turns = infos_of(run)
    assert len(turns) == len(server.asked)
    for _, info in turns:
        assert {name: info[name] for name in ("model", "calls", "cached", "retries", "tokens_in", "tokens_out")} == {
            "model": "stub-1.5", "calls": 1, "cached": 0, "retries": 0, "tokens_in": 100, "tokens_out": 10,
        }  # fmt: skip
        assert info["cost_usd"] == pytest.approx(100 * 2e-6 + 10 * 10e-6)
        assert info["answer"].startswith("I think.")
        assert 0 < info["seconds"] < 5


def test_nothing_that_is_hidden_from_the_seat_is_told(played):
    with Server(play_first) as server:
        played(server, n=12, games="kuhn_poker")
    seen = set()
    for asked in server.asked:
        user = asked["messages"][1]["content"]
        data = json.loads(user.partition("The same as data:\n")[2].partition("\n\n")[0])
        mine = "JQK"[data["card"]]
        position = user.partition("sees it:\n")[2].partition("\n\n")[0]
        cards = [line.partition(": ")[2][0] for line in position.splitlines()[:2]]
        assert sorted(cards) == sorted([mine, "?"])
        assert data["theirs"] is None
        seen.add(mine)
    assert seen == set("JQK")


def test_a_server_that_says_no_usage_is_counted_by_bytes_and_that_is_told(played):
    def silent(handler, asked, _number):
        send(handler, 200, completion(f"ACTION: {legal_of(asked)[0]}", tokens=None))

    with Server(silent) as server:
        info = infos_of(played(server))[0][1]
    assert info["estimated"] is True
    assert info["tokens_in"] > len(server.asked[0]["messages"][1]["content"])
    assert info["tokens_out"] == len("ACTION: a1")


def test_a_wrong_content_type_is_no_reason_to_lose(played):
    def plain(handler, asked, _number):
        send(handler, 200, completion(f"ACTION: {legal_of(asked)[0]}"), content_type="text/html")

    with Server(plain) as server:
        assert played(server).faults == {}


# ------------------------------------------------------------------------- answers that are none


def test_an_illegal_action_is_asked_again_with_the_reason(played):
    def second_thought(handler, asked, _number):
        action = "z9" if len(asked["messages"]) == 2 else legal_of(asked)[0]
        send(handler, 200, completion(f"ACTION: {action}"))

    with Server(second_thought) as server:
        run = played(server)
    assert run.faults == {}
    again = server.asked[1]["messages"]
    assert again[2] == {"role": "assistant", "content": "ACTION: z9"}
    assert again[3]["content"].startswith("'z9' is not one of your legal actions.")
    info = infos_of(run)[0][1]
    assert (info["calls"], info["retries"], info["tokens_in"]) == (2, 1, 200)


def test_what_a_game_takes_beyond_its_list_is_taken_as_json_or_as_text_and_refused_with_the_games_reason(played):
    orders = [{"good": "grain", "side": "buy", "quantity": 7, "price": 46}]
    answers = [
        f"ACTION: {json.dumps([orders[0] | {'quantity': 70}])}",
        f"ACTION: ```json\n{json.dumps(orders, indent=1)}\n```",
        "ACTION: sell 3 silk at 231, buy 2 iron at 90",
        "ACTION: []",
    ]

    def trader(handler, _asked, number):
        send(handler, 200, completion(answers[number]))

    with Server(trader) as server:
        run = played(server, games="market_simulator(ticks=3)", concurrency=1)
    assert run.faults == {}
    user = server.asked[0]["messages"][1]["content"]
    assert '[{"good": "grain", "side": "buy", "quantity": 10, "price": 45}' in user  # an example of the rules
    assert "[1] nothing" in user
    reason = "That action: order 1: quantity is a whole number, for grain from 1 to 10; not 70."
    assert server.asked[1]["messages"][3]["content"].startswith(reason)
    (match,) = run.stored_matches()
    mine = match.agents.index("m")
    assert [turn[mine] for turn in match.turns] == [
        orders,
        [
            {"good": "silk", "side": "sell", "quantity": 3, "price": 231},
            {"good": "iron", "side": "buy", "quantity": 2, "price": 90},
        ],
        [],
    ]


@pytest.fixture(params=["in this process", "from outside"])
def rival(request, tmp_path):
    """Agents in this process alone are played by a shorter path."""
    if request.param == "in this process":
        return "first"
    (tmp_path / "bot.py").write_text("def act(observation):\n    return observation.legal[-1]\n")
    return str(tmp_path / "bot.py")


@pytest.mark.parametrize(
    ("text", "kind"), [("ACTION: z9", "illegal"), ("I would rather not.", "protocol"), ("", "protocol")]
)
def test_who_never_gives_a_legal_action_loses_after_its_retries_and_its_use_is_stored(text, kind, rival, played):
    with Server(lambda handler, asked, _number: send(handler, 200, completion(text))) as server:
        run = played(server, "retries=1", rival=rival)
    assert [found for found, _ in faults_of(run)] == [kind]
    assert len(server.asked) == 2
    assert infos_of(run)[0][1]["calls"] == 2


# ------------------------------------------------------------------------------ servers in trouble


def then_well(*troubles):
    """Return an answer that has these troubles first, then plays."""

    def answer(handler, asked, number):
        if number < len(troubles):
            troubles[number](handler)
        else:
            play_first(handler, asked, number)

    return answer


def failing(status, body=b"sorry", **headers):
    return lambda handler: send(handler, status, body, **headers)


@pytest.mark.parametrize(
    "trouble",
    [
        failing(500),
        failing(503),
        failing(429, retry_after="0"),
        failing(200, b'{"choices": [{"mess'),
        failing(200, b"<html>"),
        failing(200, {"choices": []}),
        lambda handler: half(handler, completion("ACTION: a1")),
    ],
)
def test_what_may_pass_is_asked_again(trouble, played):
    with Server(then_well(trouble)) as server:
        run = played(server)
    assert run.faults == {}
    first = infos_of(run)[0][1]
    assert (first["calls"], first["retries"]) == (2, 1)


@pytest.mark.slow
def test_a_server_that_fails_thrice_is_asked_a_fourth_time(played):
    with Server(then_well(*[failing(500)] * 3)) as server:
        run = played(server)
    assert run.faults == {}
    assert infos_of(run)[0][1]["calls"] == 4


@pytest.mark.slow
@pytest.mark.parametrize("form", ["seconds", pytest.param("date", marks=pytest.mark.slow)])
def test_retry_after_is_obeyed(form, played):
    times = []

    def busy(handler, asked, number):
        times.append(time.time())
        when = "1.2" if form == "seconds" else email.utils.formatdate(time.time() + 3, usegmt=True)
        if number == 0:
            send(handler, 429, b"slow down", retry_after=when)
        else:
            play_first(handler, asked, number)

    with Server(busy) as server:
        assert played(server).faults == {}
    assert times[1] - times[0] >= (1.2 if form == "seconds" else 1.9)  # a date has whole seconds


def test_who_must_wait_longer_than_the_turn_has_is_late_at_once(played):
    with Server(lambda handler, asked, _number: send(handler, 429, b"", retry_after="3600")) as server:
        began = time.monotonic()
        run = played(server, "turn_s=30")
    ((kind, detail),) = faults_of(run)
    assert kind == "timeout"
    assert detail.startswith("no time in the turn to wait 3600.0 s after status 429")
    assert time.monotonic() - began < 20


@pytest.mark.slow
@pytest.mark.parametrize("way", ["hangs", "drips"])
def test_a_turn_takes_no_longer_than_its_limit(way, played):
    def late(handler, asked, _number):
        if way == "hangs":
            hang(server)
        else:
            drip(handler, completion("ACTION: a1"), server)

    with Server(late) as server:
        run = played(server, "turn_s=1&call_s=0.4")
    assert [kind for kind, _ in faults_of(run)] == ["timeout"]
    info = infos_of(run)[0][1]
    assert info["seconds"] < 1.25
    assert info["calls"] >= 1


@pytest.mark.parametrize(
    ("status", "asked"), [(401, 1), (404, 1), (500, 2)], ids=["no key", "no model", "fails for good"]
)
def test_a_server_that_will_not_answer_is_a_crash(status, asked, played):
    with Server(lambda handler, _asked, _number: send(handler, status, b"no")) as server:
        run = played(server, "tries=2")
    ((kind, detail),) = faults_of(run)
    assert kind == "crash"
    assert detail.startswith(f"status {status}: 'no'")
    assert len(server.asked) == asked


# ---------------------------------------------------------------------------------- caps and cache


def slow_first(handler, asked, number):
    time.sleep(0.02)  # so that calls of several processes are in flight together
    play_first(handler, asked, number)


@pytest.mark.parametrize(
    ("cap", "most"),
    [("max_calls=10", 10), ("max_tokens_total=1100", 11), ("max_cost_usd=0.0022&price_in=1&price_out=10", 12)],
)
def test_a_cap_holds_over_all_workers_but_for_one_call(cap, most, played):
    with Server(slow_first) as server:
        run = played(server, f"{cap}&cache=off", n=24, workers=2)
        asked = len(server.asked)
    assert most - 2 <= asked <= most
    assert run.voids > 0
    assert run.faults == {}
    errors = {row["detail"] for row in run._store.rows("select detail from fault where kind = 'void'")}
    assert all(cap.partition("=")[0] in error for error in errors)


def test_a_match_in_which_a_cap_is_reached_is_void_and_rates_nobody(rival, played):
    with Server(play_first) as server:
        run = played(server, "max_calls=1&cache=off", n=2, rival=rival)
    assert (run.voids, run.faults) == (2, {})
    assert {line.matches for line in run.standings} == {0}
    details = {row["detail"] for row in run._store.rows("select detail from fault where kind = 'void'")}
    assert details == {"VoidError: org/stub: max_calls=1 of this run is spent (1)"}


def test_calls_are_made_at_once_while_the_caps_are_far(played):
    with Server(slow_first) as server:
        run = played(server, "max_calls=1000&max_tokens_total=10000000&cache=off", n=24, concurrency=12)
    assert run.voids == 0
    assert server.at_once > 4


@pytest.mark.slow
def test_a_resumed_run_goes_on_with_what_it_has_spent(tmp_path):
    place = Place(tmp_path)
    try:
        with Server(slow_first) as server:
            ref = f"m=llm:stub@{server.url}?max_calls=20&cache=off"
            place.run("run", ref, "first", "--games", "tictactoe", "-n", "40", "--maxfail", "1", "--workers", "1",
                      "--concurrency", "2", code=2)  # fmt: skip
            assert len(server.asked) == 20
            place.run("run", "--resume", "--workers", "1", code=1)
            assert len(server.asked) == 20
    finally:
        place.close()


def test_the_same_run_again_asks_nobody_and_plays_the_same(played):
    with Server(play_first) as server:
        first = played(server, "temperature=0.7", n=4)
        asked = len(server.asked)
        again = played(server, "temperature=0.7", n=4)
        assert len(server.asked) == asked
        other = played(server, "temperature=0.7", n=4, seed=SEED + 1)
        assert len(server.asked) > asked, "another seed samples anew"
    assert [match["scores"] for match in first.matches] == [match["scores"] for match in again.matches]
    info = infos_of(first)[0][1]
    assert (info["calls"], info["cached"]) == (1, 0)
    cached = again._store.rows("select info from match where id >> 40 = 2")[0]["info"]
    assert {(info["calls"], info["cached"]) for _, _, info in msgpack.unpackb(cached)} == {(0, 1)}
    assert other.faults == {}


def test_matches_that_are_alike_ask_once(played):
    with Server(slow_first) as server:
        run = played(server, "temperature=0", n=40, workers=2, opening="none")
        asked = [json.dumps(asked["messages"]) for asked in server.asked]
    assert (run.faults, run.voids) == ({}, 0)
    assert len(asked) == len(set(asked)) < 20
    assert not list(run.db.parent.rglob("*.asked"))


def test_replay_only_never_asks(played, tmp_path):
    folder = tmp_path / "answers"
    with Server(play_first) as server:
        first = played(server, f"cache={folder}", n=2)
        asked = len(server.asked)
    run = played(server, f"cache={folder}&replay_only=1", n=2)
    assert (run.faults, run.voids) == ({}, 0)
    assert [match["scores"] for match in first.matches] == [match["scores"] for match in run.matches]
    assert len(server.asked) == asked
    unknown = played(server, f"cache={folder}&replay_only=1&max_tokens=7", n=1)
    assert unknown.voids == 1


def test_damaged_and_foreign_files_in_the_cache_are_asked_for_anew(played, tmp_path):
    folder = tmp_path / "answers"
    with Server(play_first) as server:
        played(server, f"cache={folder}")
        asked = len(server.asked)
        for number, file in enumerate(sorted(folder.rglob("*.json"))):
            file.write_bytes([b"", b"[]", b'{"answer": {"text": 3}}', b"\xff"][number % 4])
        assert played(server, f"cache={folder}").faults == {}
    assert len(server.asked) == 2 * asked


# -------------------------------------------------------------------------------------- the key


def files_with(folder, secret):
    return [path for path in Path(folder).rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


def command_lines():
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            found.append((entry / "cmdline").read_bytes())
        except OSError:
            continue
    return b"".join(found)


def test_the_key_is_sent_and_nowhere_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)
    lines = []

    def telling(handler, asked, number):
        lines.append(command_lines())
        escaped = "".join(f"\\u{ord(c):04x}" for c in KEY).encode()
        if number == 0:
            send(handler, 500, f"bad key {KEY}".encode())
        elif number == 1:
            whole = json.dumps(completion(f"Your key is KEY.\nACTION: {legal_of(asked)[0]}")).encode()
            send(handler, 200, whole.replace(b"KEY", escaped))
        elif number == 2:
            send(handler, 401, f"bad key {KEY}".encode())
        else:
            send(handler, 200, completion(f"Your key is {KEY}.\nACTION: {legal_of(asked)[0]}"))

    place = Place(tmp_path)
    try:
        with Server(telling) as server:
            ref = f"m=llm:stub@{server.url}?key_env=MY_KEY"
            done = place.run("run", ref, "first", "--games", "tictactoe", "-n", "3", "--concurrency", "1",
                             "--workers", "1", "--tb", "long", "-v")  # fmt: skip
            shown = place.run("show", "0", "--format", "json")
        assert {headers["authorization"] for headers in server.headers} == {f"Bearer {KEY}"}
        assert not any(KEY.encode() in line for line in lines)
        assert files_with(tmp_path, KEY) == []
        assert files_with(place.temp, KEY) == []
        assert files_with(tmp_path, "bad key ***"), "the test looks where things are kept"
        assert KEY not in done.stdout + done.stderr + shown.stdout
        assert "status 401: 'bad key ***'" in done.stdout
    finally:
        place.close()


def test_without_a_key_none_is_sent(played):
    with Server(play_first) as server:
        played(server)
    assert not any("authorization" in headers for headers in server.headers)


REFUSED = {
    "llm:gpt": "write llm:MODEL@BASE_URL",
    "llm:@http://host": "write llm:MODEL@BASE_URL",
    "llm:m@http://sk-secret:x@host/v1": "no user or password in a URL",
    "llm:m@http://host/v1?max_token=0": "there is no option 'max_token'. Did you mean 'max_tokens'?",
    "llm:m@http://host/v1?api_key=sk-secret": "'llm:m@http://host/v1': there is no option 'api_key'",
    "llm:m@http://host/v1?sk-secret": "write options as NAME=VALUE",
    "llm:m@http://host/v1?retries=-1": "retries must be from 0 to 100",
    "llm:m@http://host/v1?retries=x": "retries must be a whole number",
    "llm:m@http://host/v1?show=all": "show must be one of both, text, view",
    "llm:m@http://host/v1?max_cost_usd=1": "max_cost_usd needs price_in and price_out",
    "llm:m@http://host/v1?key_env=EVALENGINE_NO_SUCH": "the environment has no EVALENGINE_NO_SUCH",
    "llm:m@http://host/v1?replay_only=1&cache=off": "replay_only plays from the cache",
}


@pytest.mark.parametrize("ref", REFUSED)
def test_a_wrong_reference_is_told_in_one_line(ref):
    with pytest.raises(AgentError) as told:
        Plugins().hook.evalengine_load_agent(ref=ref)
    assert REFUSED[ref] in str(told.value)
    assert "\n" not in str(told.value)
    assert "sk-secret" not in str(told.value)


def test_a_key_that_no_header_can_hold_is_refused_and_not_told(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-\x07secret")
    with pytest.raises(AgentError, match="what the environment has as OPENAI_API_KEY is no key") as told:
        Plugins().hook.evalengine_load_agent(ref="llm:m@http://host/v1")
    assert "secret" not in str(told.value)


# ---------------------------------------------------------------------------------- many at once


@pytest.mark.slow
def test_many_matches_wait_at_once_while_others_compute(played):
    def slow(handler, asked, number):
        time.sleep(0.1)  # the model thinks
        play_first(handler, asked, number)

    with Server(slow) as server:
        began = time.monotonic()
        run = played(server, "cache=off", n=60, rival="mcts(simulations=5)", workers=2, concurrency=16)
        took_s = time.monotonic() - began
    assert run.voids == 0
    assert server.at_once > 16, "both workers have some"
    assert took_s < 0.1 * len(server.asked) / 4, "as if one after another"
    assert [match["match_no"] for match in run.matches] == list(range(60))


def test_functions_of_the_caller_play_models_too(played):
    with Server(play_first) as server:
        run = played(server, n=4, rival=lambda observation: observation.legal[-1])
    assert (run.faults, run.voids) == ({}, 0)


@pytest.mark.slow
def test_agents_from_outside_play_models_too(played, tmp_path):
    (tmp_path / "bot.py").write_text("def act(observation):\n    return observation.legal[-1]\n")
    with Server(slow_first) as server:
        run = played(server, n=12, rival=str(tmp_path / "bot.py"))
        asked = len(server.asked)
    assert (run.faults, run.voids) == ({}, 0)
    assert asked <= sum(row["turns"] for row in run._store.rows("select turns from match"))


@pytest.mark.slow
def test_a_model_that_thinks_longer_than_a_start_may_take_does_not_make_its_rival_late(played, tmp_path):
    def slow(handler, asked, number):
        time.sleep(0.8)  # as a model does
        play_first(handler, asked, number)

    (tmp_path / "bot.py").write_text("def act(observation):\n    return observation.legal[-1]\n")
    with Server(slow) as server:
        run = played(server, n=2, rival=str(tmp_path / "bot.py"), limits=evalengine.Limits(start_s=0.6, turn_s=0.6))
    assert (run.faults, run.voids) == ({}, 0)


@pytest.mark.slow
def test_what_is_stopped_and_resumed_is_played_once_and_its_answers_are_paid_once(tmp_path):
    place = Place(tmp_path)
    try:
        with Server(slow_first) as server:
            ref = f"m=llm:stub@{server.url}?temperature=0"
            process = place.start("run", ref, "first", "--games", "tictactoe", "-n", "200", "--workers", "2")
            until(lambda: place.stored() > 2)
            process.send_signal(signal.SIGINT)
            ended(process, 2)
            assert 2 < place.stored() < 200
            told = json.loads(place.run("run", "--resume", "--concurrency", "64", "--format", "json").stdout)
        assert (told["matches"], told["voids"], told["faults"]) == (200, 0, {})
        place.check_clean()
    finally:
        place.close()


@pytest.mark.slow
def test_games_in_which_all_act_at_once_are_played(played):
    with Server(play_first) as server:
        ref = f"b=llm:other@{server.url}/v1"
        run = played(server, n=4, games="rps", rival=ref)
    assert (run.faults, run.voids) == ({}, 0)


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_no_match(tmp_path):
    place = Place(tmp_path)
    try:
        with Server(slow_first) as server:
            ref = f"m=llm:stub@{server.url}?temperature=0"
            process = place.start("run", ref, "first", "--games", "tictactoe", "-n", "60", "--workers", "2", "--format",
                                  "json")  # fmt: skip
            until(lambda: place.stored() > 2)
            os.kill(place.workers()[0], 9)
            told = json.loads(ended(process).stdout)
        assert (told["matches"], told["voids"], told["faults"]) == (60, 0, {})
        place.check_clean()
    finally:
        place.close()


def test_listing_agents_imports_neither_httpx_nor_asyncio():
    code = (
        "import sys; from evalengine.plugins import Plugins; Plugins().agents(); "
        "print([name for name in ('httpx', 'asyncio', 'ssl') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_call_whose_process_died_counts_in_full(tmp_path):
    from evalengine.builtin.llm.budget import Budget, Caps, SpentError

    budget = Budget(tmp_path / "llm.db", "m", Caps(None, 100, None))
    assert budget.hold(90, 0.0, -1.0) is not None, "it ended before now"
    number = budget.hold(90, 0.0, 60.0)
    assert number is not None
    assert budget.hold(1, 0.0, 60.0) is None, "in flight"
    budget.settle(number, 5, 0.0)
    budget.settle(budget.hold(1, 0.0, 60.0), 5, 0.0)
    with pytest.raises(SpentError, match=r"max_tokens_total=100 of this run is spent \(100\)"):
        budget.hold(1, 0.0, 60.0)
    with sqlite3.connect(tmp_path / "llm.db") as db:
        assert db.execute("select calls, tokens from spent").fetchall() == [(3, 100)]
    db.close()
