"""Games, and sessions as their owner looks at them: lists, logs, branches; other people's, and what is no name."""

import contextlib
import sqlite3
import subprocess
import sys
import threading

import pytest
from gertlabs import ConflictError, NotFoundError, ValidationError
from served import Served, environment, until


def over(client, game="rps", **config):
    """Play a session out by agents; return it."""
    s = client.play.create(game=game, autostart=True, ai_mode="random", max_ticks=4, **config)
    return until(lambda: (found := client.sessions.get(s["session_id"]))["status"] == "completed" and found, "the end")


# --------------------------------------------------------------------------------------- games


def test_games_are_listed_by_slug_and_by_tag(client):
    games = client.games.list()
    slugs = [game["slug"] for game in games]
    assert slugs == sorted(slugs)
    assert "market_simulator" in slugs
    for size in (1, 3, 100):
        assert [game["slug"] for game in client.games.list(page_size=size)] == slugs
    cards = client.games.list(tag="cards")
    assert [game["slug"] for game in cards] == ["kuhn_poker", "leduc_poker"]
    assert client.games.list(tag="nothing") == []
    market = client.games.get("market_simulator")
    assert (market["min_players"], market["max_players"], market["max_ticks"]) == (2, 8, 1000)
    assert market["turn_based"] is False
    assert "Observation: tick, ticks, me" in market["prompt"]
    counts = {entry["tag"]: entry["game_count"] for entry in client.games.tags(active=True)["tags"]}
    assert counts["cards"] == 2
    tags = client.games.tags()
    assert "game_count" not in tags["tags"][0]
    assert sorted(tag for group in tags["taxonomy"].values() for tag in group) == sorted(counts)


@pytest.mark.parametrize(
    "slug",
    ["nothing", "..", "..%2f..%2fetc%2fpasswd", "%2e%2e", "./game.py", "tictactoe(size=3)", "tictactoe%00",
     "picks", "strategy", "not tictactoe", "%ff%fe", "x" * 5000, "TicTacToe", "tictactoe/"],
)  # fmt: skip
def test_what_is_no_game_is_not_found(client, slug):
    answer = client._http.get(f"/games/{slug}")
    assert answer.status_code == 404
    if slug not in {"..", "%2e%2e"}:  # which clients shorten by themselves
        assert answer.json()["error"]["code"] == "NOT_FOUND"
    with pytest.raises((NotFoundError, ValidationError)):
        client.play.create(game=slug)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "limit=1.5", "limit=1&limit=2", "limit=" + "9" * 5000,
     "cursor=x", "cursor=" + "A" * 2000, "cursor=a&cursor=b", "cursor=WyJ4Iiwi", "cursor=%ff", "cursor=W1tbW1tbW1tb"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/games", "/sessions"])
def test_a_page_that_is_none_is_refused(client, path, query):
    answer = client._http.get(f"{path}?{query}")
    code = "VALIDATION_ERROR" if query.startswith("limit") else "INVALID_CURSOR"
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_a_cursor_of_another_list_is_none_of_this(served, client):
    games = client._http.get("/games?limit=1").json()["data"]["next_cursor"]
    assert client._http.get(f"/sessions?cursor={games}").json()["error"]["code"] == "INVALID_CURSOR"


# ------------------------------------------------------------------------------------ sessions


def test_sessions_are_listed_the_newest_first_and_new_ones_shift_no_page(served):
    with served.client() as client:
        made = [over(client, game)["session_id"] for game in ("rps", "tron", "rps")]
        waiting = client.play.create(game="tictactoe", player_count=2)["session_id"]
        newest = [waiting, *reversed(made)]
        assert [one["session_id"] for one in client.sessions.list()] == newest
        assert [one["session_id"] for one in client.sessions.list(page_size=1)] == newest
        assert [one["session_id"] for one in client.sessions.list(game="rps")] == [made[2], made[0]]
        assert [one["session_id"] for one in client.sessions.list(game="rps", page_size=1)] == [made[2], made[0]]
        assert [one["session_id"] for one in client.sessions.list(status="waiting")] == [waiting]
        with pytest.raises(ValidationError):
            client.sessions.list(status="dancing")
        page = client._http.get("/sessions?limit=2").json()["data"]
        over(client)
        rest = client._http.get(f"/sessions?limit=2&cursor={page['next_cursor']}").json()["data"]
        assert [one["session_id"] for one in page["sessions"] + rest["sessions"]] == newest
        assert rest["next_cursor"] is None


def test_sessions_of_others_do_not_exist(served, client):
    mine = over(client)["session_id"]
    with served.client() as other:
        for ask in (other.sessions.get, other.sessions.logs, other.sessions.branches, other.sessions.branch_scores,
                    other.sessions.delete, other.play.branch):  # fmt: skip
            for session_id in (mine, "nothing", "..%2f..", "%00", "x" * 3000, "-", "'or''='"):
                with pytest.raises(NotFoundError):
                    ask(session_id)
        assert mine not in [one["session_id"] for one in other.sessions.list()]
    assert client.sessions.get(mine)["status"] == "completed"
    with served.client("admin") as admin:
        assert admin.sessions.get(mine)["session_id"] == mine


def test_a_deleted_session_ends_and_is_gone(client):
    s = client.play.create(game="tictactoe", seats=2)
    child = client.play.branch(s["session_id"])["session_id"]
    with client.play.spectate(s["session_id"]) as ws:
        client.sessions.delete(s["session_id"])
        *_, last = ws
    assert (last["type"], last["status"], last["failure_reason"]) == ("game_completed", "failed", "deleted")
    for ask in (client.sessions.get, client.sessions.logs, client.sessions.delete, client.play.join):
        with pytest.raises(NotFoundError):
            ask(s["session_id"])
    with pytest.raises(ConflictError):
        client.play.act(s["session_id"], s["seats"][0]["player_token"], 4)
    listed = [one["session_id"] for one in client.sessions.list()]
    assert s["session_id"] not in listed
    assert child in listed


def test_a_log_tells_what_everybody_did_but_no_hands_of_a_game_that_goes_on(client):
    s = client.play.create(game="kuhn_poker", seats=2)
    client.play.act(s["session_id"], s["seats"][0]["player_token"], 0)
    assert client.sessions.logs(s["session_id"])["logs"] == []
    ended = over(client, "tictactoe")
    logs = client.sessions.logs(ended["session_id"])["logs"]
    assert [(entry["tick"], entry["player_id"]) for entry in logs] == [(n, f"player_{n % 2}") for n in range(4)]
    assert all(0 <= entry["action"] <= 8 and entry["fault"] is None for entry in logs)


def test_a_session_is_a_stored_match_as_any_other(served, client):
    ended = over(client, "tictactoe")
    done = subprocess.run(
        [sys.executable, "-m", "evalengine", "show", ended["match"], "--db", "arena.db"],
        cwd=served.folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "tictactoe" in done.stdout


def test_a_session_that_nobody_joined_for_a_day_ends(tmp_path):
    with Served(tmp_path) as served:
        key = served.key()
        with served.client(key=key) as client:
            old, new = (client.play.create(game="tictactoe", player_count=2)["session_id"] for _ in range(2))
    with contextlib.closing(sqlite3.connect(tmp_path / "arena.db")) as database, database:
        database.execute("update live set created = created - 90000 where id = ?", (old,))
    with Served(tmp_path) as served, served.client(key=key) as client:
        ended = until(lambda: (found := client.sessions.get(old))["status"] == "failed" and found, "it ends")
        assert ended["failure_reason"] == "nobody joined"
        assert client.sessions.get(new)["status"] == "waiting"


# ------------------------------------------------------------------------------------ branches


def test_branches_begin_alike_and_leave_their_parent_as_it_is(client):
    s = client.play.create(game="market_simulator", seats=2, max_ticks=6)
    one, two = (seat["player_token"] for seat in s["seats"])
    for tick in range(3):
        for token in (one, two):
            client.play.act(s["session_id"], token, [])
        until(lambda done=tick + 1: client.play.get(s["session_id"], one)["tick"] == done, "the tick ends")
    made = client.play.branch(s["session_id"], count=3, tick=2)
    first = [client.play.get(child["session_id"], child["seats"][0]["player_token"]) for child in made["branches"]]
    assert {one["tick"] for one in first} == {2}
    assert len({str(one["observation"]) for one in first}) == 1
    luck = set()
    for child in made["branches"]:
        for seat in child["seats"]:
            client.play.act(child["session_id"], seat["player_token"], [])
        seat = child["seats"][0]["player_token"]

        def next_tick(child=child, seat=seat):
            found = client.play.get(child["session_id"], seat)
            return found if found["tick"] == 3 and found["observation"] else None

        luck.add(str(until(next_tick, "the tick ends")["observation"]["values"]))
    assert len(luck) > 1
    assert client.play.get(s["session_id"], one)["tick"] == 3
    assert client.play.act(s["session_id"], one, [])["accepted"]
    shown = client.sessions.branches(s["session_id"])["branches"]
    assert [child["session_id"] for child in shown] == [child["session_id"] for child in made["branches"]]
    same = client.play.branch(s["session_id"], tick=2, luck="same")
    assert (same["session"]["branch_tick"], len(same["branches"])) == (2, 1)  # one, unless more are asked for


@pytest.mark.parametrize(
    "config", [{"count": 0}, {"count": 65}, {"count": "8"}, {"count": 1.5}, {"tick": 99}, {"tick": -1}, {"luck": "bad"}]
)
def test_branches_that_cannot_be_are_refused(client, config):
    ended = over(client)
    answer = client._http.post(f"/play/{ended['session_id']}/branch", json=config)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert client.sessions.branches(ended["session_id"])["branches"] == []


def test_an_owner_may_not_look_at_the_hands_of_who_joined_by_branching(served, client):
    s = client.play.create(game="kuhn_poker", seats=1, player_count=2)
    with served.client() as other:
        theirs = other.play.join(s["session_id"])
        with pytest.raises(ConflictError) as refused:
            client.play.branch(s["session_id"])
        assert refused.value.code == "NOT_ENDED"
        client.play.leave(s["session_id"], s["player_token"])
        other.play.leave(s["session_id"], theirs["player_token"])


# --------------------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("game", [3, True, ["tictactoe"], {}, ""]),
        ("seats", ["1", 1.5, -1, True, [1], 3, 10**30]),
        ("player_count", ["2", 0, 9, 2.5, {}]),
        ("max_ticks", ["9", 0, -5, 1.5, 10**9, []]),
        ("vs_ai", ["true", 1, []]),
        ("autostart", ["yes", 0]),
        ("ai_mode", [3, [], "x" * 300]),
        ("spectate_mode", ["nobody", 3]),
        ("parameters", [3, [], "size=3"]),
        ("seed", ["1", -1, 1.5]),
    ],
)
def test_a_field_of_a_wrong_kind_is_refused_by_its_name(client, field, values):
    for value in values:
        answer = client._http.post("/play", json={"game": "tictactoe", field: value})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR"), value
        assert answer.json()["field"] == field
    null = client._http.post(
        "/play", json={"game": "tictactoe", "vs_ai": True} | ({field: None} if field != "game" else {})
    )
    assert null.status_code == 201


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"3", b"null", b'"x"', b"\xff", b'{"game": NaN}', b"[" * 100_000, b'{"game": "\\ud800"}', b"{}"],
)
@pytest.mark.parametrize("path", ["/play", "/auth/register", "/auth/login", "/play/x/act"])
def test_a_body_that_is_none_is_refused(client, path, body):
    answer = client._http.post(path, content=body, headers={"x-player-token": "x"})
    assert answer.status_code in {400, 404}
    assert set(answer.json()) >= {"error", "request_id"}


def test_a_huge_body_is_refused_and_the_server_lives(client):
    s = client.play.create(game="market_simulator", seats=2)
    token = {"x-player-token": s["seats"][0]["player_token"]}
    path = f"/play/{s['session_id']}/act"
    assert client._http.post(path, json={"payload": "x" * 100_000}, headers=token).status_code == 400
    assert client._http.post(path, json={"payload": "x" * (5 << 20)}, headers=token).status_code == 413
    orders = [{"good": "grain", "side": "buy", "quantity": 1, "price": 40}] * 13
    assert client.play.act(s["session_id"], s["seats"][0]["player_token"], orders)["accepted"] is False
    assert client.play.act(s["session_id"], s["seats"][0]["player_token"], orders[:10])["accepted"]


def test_many_create_and_play_at_once(served):
    scores = []

    def play():
        with served.client() as client:
            scores.extend(over(client, "market_simulator")["scores"] for _ in range(3))

    threads = [threading.Thread(target=play) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(scores) == 24
