"""Play as the published client does it: its README's loops, seats that join, leave and come back, what is refused."""

import contextlib
import json
import threading
import time

import pytest
from gertlabs import AuthenticationError, ConflictError, GertClient, NotFoundError, ValidationError
from model_server import ModelServer
from served import LIMIT_S, Served, until
from websocket import WebSocketBadStatusException, create_connection

from evalengine_games.specs import SPECS

BUNDLED = sorted(spec.name for spec in SPECS if spec.listed)


def first(observation):
    return observation["_action_space"][0]


def played(client, session_id, token, decide=first):
    """Play a seat over its WebSocket to the end; return the last message, and all kinds of messages that came."""
    kinds = []
    with client.play.connect(session_id, token) as ws:
        for msg in ws:
            kinds.append(msg["type"])
            if msg["type"] == "observation":
                ws.send_action(decide(msg["data"]))
            elif msg["type"] in {"game_completed", "player_failed"}:
                return msg, kinds
    raise AssertionError(kinds)


def asked(client, session_id, token):
    """Wait until a seat is asked or its session has ended; return what is known then."""

    def look():
        found = client.play.get(session_id, token)
        return found if found["observation"] is not None or found["status"] in {"completed", "failed"} else None

    return until(look, "the seat is asked")


# --------------------------------------------------------------------------- the README's loops


def test_a_seat_against_the_platform_over_a_websocket(client):
    s = client.play.create(game="market_simulator", seats=1, vs_ai=True, max_ticks=60)
    assert "[] does nothing" in s["prompt"]
    assert s["session"]["status"] == "active"
    assert s["observation"]["ticks"] == 60

    def decide(observation):
        return []

    with client.play.connect(s["session_id"], s["player_token"]) as ws:
        assert ws.player_id == s["player_id"] == "player_0"
        for msg in ws:
            if msg["type"] == "observation":
                ws.send_action(decide(msg["data"]))
            elif msg["type"] == "game_completed":
                assert set(msg["scores"]) == {"player_0", "player_1"}
                break
    final = client.sessions.get(s["session_id"])
    assert (final["status"], final["tick"], final["scores"]) == ("completed", 60, msg["scores"])
    assert [player["type"] for player in final["players"]] == ["remote", "ai"]


def test_the_same_loop_over_http_as_fast_as_it_goes(tmp_path):
    with Served(tmp_path) as served, served.client() as client:  # with the usual limit of requests
        s = client.play.create(game="market_simulator", seats=1, vs_ai=True, max_ticks=150)
        acted = 0
        while (now := client.play.get(s["session_id"], s["player_token"]))["status"] == "active":
            if now["observation"] is not None:
                assert client.play.act(s["session_id"], s["player_token"], []) == {"accepted": True, "tick": acted}
                acted += 1
        assert (acted, now["status"], set(now["scores"])) == (150, "completed", {"player_0", "player_1"})


def test_a_connected_model_plays_is_watched_and_branched(client):
    pid = client.providers.list()[0]["provider_id"]
    session = client.play.create(
        game="market_simulator", autostart=True, ai_mode="agentic_player", custom_provider_id=pid,
        spectate_mode="private",
    )  # fmt: skip
    assert (session["seats"], session["session"]["status"]) == ([], "active")
    with client.play.spectate(session["session_id"]) as ws:
        for msg in ws:
            if msg["type"] == "game_completed":
                assert len(msg["scores"]) == 2
                break
    made = client.play.branch(session["session_id"], count=8)
    assert len({one["session_id"] for one in made["branches"]}) == 8
    assert made["parent_session_id"] == session["session_id"]

    def all_ended():
        found = client.sessions.branches(session["session_id"])["branches"]
        return found if {one["status"] for one in found} == {"completed"} else None

    children = until(all_ended, "the branches end")
    assert {(one["parent_session_id"], one["branch_tick"]) for one in children} == {(session["session_id"], 50)}
    assert len({tuple(one["scores"].values()) for one in children}) > 1  # each has luck of its own
    points = client.sessions.branch_scores(session["session_id"], tick=50, player_id="player_1")["decision_points"]
    assert [(point["tick"], point["player_id"]) for point in points] == [(50, "player_1")]
    ranked = points[0]["actions"]
    assert sum(len(one["sample_scores"]) for one in ranked) == 8
    assert [one["action_rank"] for one in ranked] == list(range(1, len(ranked) + 1))
    assert set(ranked[0]["value"]) == {"mean", "std_dev", "min", "max"}
    assert client.sessions.branch_scores(session["session_id"], tick=49)["decision_points"] == []


@pytest.mark.parametrize("game", BUNDLED)
def test_every_bundled_game_is_played_to_its_end(client, game):
    s = client.play.create(game=game, seats=1, vs_ai=True, max_ticks=12, ai_mode="random")
    assert s["prompt"].startswith(f"Game: {game}")
    assert client.games.get(game)["rules"] in s["prompt"]
    end, kinds = played(client, s["session_id"], s["player_token"])
    assert end["status"] == "completed"
    assert len(end["scores"]) == s["session"]["player_count"]
    assert "error" not in kinds
    assert client.sessions.get(s["session_id"])["tick"] <= 12


def test_tags_choose_a_game_that_has_them_all(client):
    s = client.play.create(tags=["strategy", "board"], seats=1, vs_ai=True, max_ticks=4)
    assert {"strategy", "board"} <= {*client.games.get(s["session"]["game"])["tags"]}
    with pytest.raises(NotFoundError):
        client.play.create(tags=["strategy", "no such tag"])


def test_max_ticks_bounds_games_that_have_no_ticks_of_their_own(client):
    s = client.play.create(game="tictactoe", seats=2, max_ticks=3)
    for tick in range(3):
        seat = s["seats"][tick % 2]
        now = asked(client, s["session_id"], seat["player_token"])
        assert now["tick"] == tick
        client.play.act(s["session_id"], seat["player_token"], first(now["observation"]))
    final = until(lambda: (found := client.sessions.get(s["session_id"]))["status"] == "completed" and found, "the end")
    assert (final["tick"], final["termination"]) == (3, "turn_limit")
    most = client.play.create(game="market_simulator", seats=2, max_ticks=5000)
    assert most["session"]["configured"] == "market_simulator(ticks=1000)"


def test_parameters_of_a_game_may_be_chosen(client):
    s = client.play.create(game="hex", parameters={"size": 3}, vs_ai=True)
    assert len(s["observation"]["_action_space"]) == 9
    for wrong in ({"size": 99}, {"size": "3"}, {"nothing": 1}, [3]):
        with pytest.raises(ValidationError):
            client.play.create(game="hex", parameters=wrong)


# ------------------------------------------------------------------------------ seats and keys


def test_a_session_waits_for_who_joins_and_each_has_one_seat(served, client):
    s = client.play.create(game="tictactoe", seats=1, player_count=2)
    assert (s["session"]["status"], len(s["seats"])) == ("waiting", 1)
    assert client.play.get(s["session_id"], s["player_token"])["observation"] is None
    again = client.play.join(s["session_id"])
    assert again["player_id"] == "player_0"  # whoever has a seat is given it again
    with served.client() as other:
        joined = other.play.join(s["session_id"])
        assert joined["player_id"] == "player_1"
        assert other.play.join(s["session_id"])["player_id"] == "player_1"
        assert other.sessions.get(s["session_id"])["status"] == "active"
        with served.client() as third:
            with pytest.raises(ConflictError) as full:
                third.play.join(s["session_id"])
            assert full.value.code == "GAME_FULL"
            with pytest.raises(NotFoundError):
                third.sessions.get(s["session_id"])
        # All tokens of a seat work, and each acts for its own.
        client.play.act(s["session_id"], again["player_token"], 4)
        asked(other, s["session_id"], joined["player_token"])
        with pytest.raises(ConflictError) as early:
            client.play.act(s["session_id"], s["player_token"], 0)
        assert early.value.code == "NOT_YOUR_TURN"
        with pytest.raises(NotFoundError):  # what one takes part in is another's all the same
            other.sessions.delete(s["session_id"])


def test_autostart_gives_free_seats_to_agents(client):
    s = client.play.create(game="tictactoe", seats=1, autostart=True)
    assert s["session"]["status"] == "active"
    assert s["session"]["players"][1]["type"] == "ai"


def test_a_player_needs_its_token_and_no_key(served, client):
    s = client.play.create(game="tictactoe", seats=1, vs_ai=True)
    other = client.play.create(game="tictactoe", seats=1, vs_ai=True)
    path = f"/play/{s['session_id']}"
    with served.http() as anybody:
        shown = anybody.get(path, headers={"x-player-token": s["player_token"]})
        assert shown.json()["data"]["player_id"] == "player_0"
        for token in ("", "x", other["player_token"], "\xff", "x" * 10_000):
            headers = [(b"x-player-token", token.encode("latin-1"))]
            for method, where in (("GET", ""), ("POST", "/act"), ("POST", "/leave")):
                refused = anybody.request(method, path + where, json={"payload": 0} if where else None, headers=headers)
                assert (refused.status_code, refused.json()["error"]["code"]) == (401, "INVALID_TOKEN")
        unknown = anybody.get("/play/nothing", headers={"x-player-token": s["player_token"]})
        assert unknown.status_code == 404
    with GertClient(api_key="sk_gert_forged", base_url=served.base_url) as forged:
        assert forged.play.act(s["session_id"], s["player_token"], [4])["accepted"]
        with pytest.raises(AuthenticationError):
            forged.play.create(game="tictactoe")


def test_who_leaves_is_replaced_and_when_the_last_left_it_has_failed(client):
    s = client.play.create(game="connect4", seats=2)
    one, two = s["seats"]
    with client.play.connect(s["session_id"], one["player_token"]) as ws:
        client.play.leave(s["session_id"], one["player_token"])
        *_, last = ws  # and the server closes it
        assert (last["type"], last["reason"]) == ("player_failed", "left")
    now = asked(client, s["session_id"], two["player_token"])  # an agent made the first move
    assert (now["tick"], now["status"]) == (1, "active")
    assert client.play.get(s["session_id"], one["player_token"])["observation"] is None
    client.play.leave(s["session_id"], two["player_token"])
    failed = until(lambda: (found := client.sessions.get(s["session_id"]))["status"] == "failed" and found, "the end")
    assert (failed["failure_reason"], failed["scores"]) == ("left", None)
    assert client.play.leave(s["session_id"], two["player_token"])["left"] is False  # again is no mistake
    with pytest.raises(ConflictError):
        client.play.act(s["session_id"], two["player_token"], 0)
    with client.play.connect(s["session_id"], two["player_token"]) as ws:
        assert [(msg["type"], msg.get("status")) for msg in ws][-1] == ("game_completed", "failed")


# ------------------------------------------------------------------------------------- actions


@pytest.mark.parametrize("payload", [4, [4], {"action": 4}, [{"action": 4}]])
def test_an_action_may_be_written_in_several_ways(client, payload):
    s = client.play.create(game="tictactoe", seats=2)
    assert client.play.act(s["session_id"], s["seats"][0]["player_token"], payload) == {"accepted": True, "tick": 0}


@pytest.mark.parametrize("payload", [[], 9, "4", [4, 5], {"cell": 4}, True, 4.5, 1 << 80, [[[[4]]]], "x" * 60_000])
def test_a_refused_action_is_explained_and_changes_nothing(client, payload):
    s = client.play.create(game="tictactoe", seats=2)
    token = s["seats"][0]["player_token"]
    try:
        told = client.play.act(s["session_id"], token, payload)
        assert (told["accepted"], told["tick"]) == (False, 0)
        now = client.play.get(s["session_id"], token)
        assert now["observation"]["_rejection_feedback"] == told["reason"] != ""
    except ValidationError:
        assert payload == 1 << 80  # no value that can be stored
    assert client.play.act(s["session_id"], token, 4)["accepted"]
    other = asked(client, s["session_id"], s["seats"][1]["player_token"])
    assert "_rejection_feedback" not in other["observation"]


def test_a_seat_whose_actions_are_refused_again_and_again_is_lost(client):
    s = client.play.create(game="tictactoe", seats=1, vs_ai=True)
    end, kinds = played(client, s["session_id"], s["player_token"], decide=lambda _: [])
    assert (end["type"], end["reason"]) == ("player_failed", "20 actions of one turn were refused")
    assert kinds.count("observation") == 20


def test_an_action_id_is_done_once(client):
    s = client.play.create(game="tictactoe", seats=2)
    one, two = (seat["player_token"] for seat in s["seats"])
    told = client.play.act(s["session_id"], one, 4, action_id="mine")
    asked(client, s["session_id"], two)
    client.play.act(s["session_id"], two, 0, action_id="mine")  # of another seat
    asked(client, s["session_id"], one)
    assert client.play.act(s["session_id"], one, 8, action_id="mine") == told == {"accepted": True, "tick": 0}
    assert asked(client, s["session_id"], one)["observation"]["board"].count(0) == 7


def test_an_action_for_another_tick_is_refused(client):
    s = client.play.create(game="tictactoe", seats=2)
    answer = client._http.post(
        f"/play/{s['session_id']}/act",
        json={"payload": 4, "tick": 1},
        headers={"x-player-token": s["seats"][0]["player_token"]},
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "NOT_YOUR_TURN")


# ---------------------------------------------------------------------------------- WebSockets


def raw(served, path, **options):
    return create_connection(f"ws{served.base_url[4:]}{path}", timeout=LIMIT_S, **options)


def heard(ws):
    """Return all messages up to the end; an end that is none would raise."""
    found = []
    while text := ws.recv():
        found.append(json.loads(text))
    return found


@pytest.mark.parametrize(
    "message",
    ['{"type": "auth", "token": "forged"}', '{"type": "auth"}', '{"type": "action", "payload": []}', "no JSON", "[]",
     '{"type": "auth", "token": 3}', '{"type": "auth", "token": "\\ud800"}', "[" * 100_000],
)  # fmt: skip
def test_who_shows_no_token_is_told_so_and_nothing_else(served, client, message):
    s = client.play.create(game="tictactoe", seats=1, vs_ai=True)
    ws = raw(served, f"/play/{s['session_id']}/ws")
    ws.send(message)
    (only,) = heard(ws)
    assert (only["type"], only["code"]) == ("error", "INVALID_TOKEN")
    with pytest.raises(AuthenticationError, match="no token of match"):
        client.play.connect(s["session_id"], "forged")
    with pytest.raises(AuthenticationError, match="no live match"):
        client.play.connect("nothing", s["player_token"])


def test_what_is_no_message_is_answered_and_hurts_nobody(served, client):
    s = client.play.create(game="tictactoe", seats=1, vs_ai=True)
    with client.play.connect(s["session_id"], s["player_token"]) as ws:
        told = []
        for wrong in (b"\xff\xfe", "{", "3", "null", '{"type": 3}', '{"type": "dance"}', '{"type": "action"}'):
            ws._ws.send(wrong, opcode=2 if isinstance(wrong, bytes) else 1)
        for more in ({"action_id": 3}, {"action_id": ""}, {"action_id": "x" * 201}, {"tick": "1"}, {"tick": 7}):
            ws.send({"type": "action", "payload": 4, **more})
        ws.send({"type": "delegate", "provider_id": "nobody"})
        ws._ws.send(b'{"type": "ping"}', opcode=2)  # binary frames are read as well
        for msg in ws:
            if msg["type"] == "pong":
                break
            told += [msg.get("code")] if msg["type"] == "error" else []
        wanted = ["INVALID_MESSAGE"] * 5 + ["UNKNOWN_TYPE"] + ["VALIDATION_ERROR"] * 5 + ["NOT_YOUR_TURN"]
        assert told[:-1] == wanted
        assert told[-1] in {"NOT_FOUND", "PROVIDER_NOT_FOUND", "NOT_SUPPORTED"}
        ws.send_action(4)
        assert next(msg for msg in ws if msg["type"] == "action_result")["accepted"]


def test_who_comes_late_or_again_is_told_the_end_and_let_go_without_a_reset(served, client):
    s = client.play.create(game="rps", seats=1, vs_ai=True, max_ticks=3)
    played(client, s["session_id"], s["player_token"])
    for path in (f"/play/{s['session_id']}/ws", f"/spectate/{s['session_id']}"):
        ws = raw(served, path)
        ws.send(json.dumps({"type": "auth", "token": s["player_token"]}))
        with contextlib.suppress(BrokenPipeError):
            for _ in range(300):  # what nobody will read: a server that just closed would answer it by a reset
                ws.send('{"type": "ping", "padding": "' + "x" * 1000 + '"}')
        assert "game_completed" in [message["type"] for message in heard(ws)]


def test_a_player_who_comes_back_is_asked_again(client):
    s = client.play.create(game="tictactoe", seats=2)
    token = s["seats"][0]["player_token"]
    for _ in range(2):
        with client.play.connect(s["session_id"], token) as ws:
            assert [ws.recv()["type"] for _ in range(2)] == ["game_started", "observation"]
    with client.play.connect(s["session_id"], token) as one, client.play.connect(s["session_id"], token) as two:
        one.send_action(4)
        assert next(msg for msg in one if msg["type"] == "action_result")["accepted"]
        two.send_action(5)
        assert next(msg for msg in two if msg["type"] == "error")["code"] == "NOT_YOUR_TURN"


def test_spectators_see_each_tick_of_what_hides_nothing(served, client):
    s = client.play.create(game="tictactoe", seats=2)
    with served.http() as _, client.play.spectate(s["session_id"]) as ws:
        messages = iter(ws)
        assert next(messages)["type"] == "game_started"
        for tick, cell in enumerate((0, 3, 1, 4, 2)):
            state = next(messages)
            assert (state["type"], state["tick"], state["to_move"]) == ("state", tick, [f"player_{tick % 2}"])
            assert state["data"]["board"].count(0) == 9 - tick
            client.play.act(s["session_id"], s["seats"][tick % 2]["player_token"], cell)
        end = next(messages)
        assert (end["type"], end["scores"]) == ("game_completed", {"player_0": 1.0, "player_1": -1.0})
        assert list(messages) == []


def test_spectators_of_what_hides_something_see_no_hands(client):
    s = client.play.create(game="kuhn_poker", seats=2)
    with client.play.spectate(s["session_id"]) as ws:
        state = next(msg for msg in ws if msg["type"] == "state")
    assert (state["data"], state["last_actions"]) == (None, {})


def test_a_private_session_is_watched_by_its_owner_alone(served, client):
    s = client.play.create(game="tictactoe", seats=1, vs_ai=True, spectate_mode="private")
    path = f"/spectate/{s['session_id']}"
    for header, status in (([], 401), ([f"X-API-Key: {served.key()}"], 403), (["X-API-Key: sk_gert_forged"], 401)):
        with pytest.raises(WebSocketBadStatusException) as refused:
            raw(served, path, header=header)
        assert refused.value.status_code == status
    with client.play.spectate(s["session_id"]) as ws:
        assert next(iter(ws))["type"] == "game_started"
    with pytest.raises(WebSocketBadStatusException) as unknown:
        raw(served, "/spectate/nothing")
    assert unknown.value.status_code == 404


def test_a_client_that_sends_too_fast_waits_and_loses_nothing(served, client):
    s = client.play.create(game="tictactoe", seats=1, vs_ai=True)
    with client.play.connect(s["session_id"], s["player_token"]) as ws:
        began = time.monotonic()
        for _ in range(300):
            ws.ping()
        pongs = 0
        for msg in ws:
            pongs += msg["type"] == "pong"
            if pongs == 300:
                break
    assert time.monotonic() - began > 0.9  # 200 at once, and 100 a second


def test_spectators_that_do_not_read_harm_nobody(served, client):
    s = client.play.create(game="market_simulator", seats=1, vs_ai=True, max_ticks=300)
    deaf = [raw(served, f"/spectate/{s['session_id']}", sockopt=[(1, 8, 2048)]) for _ in range(20)]  # SO_RCVBUF
    began = time.monotonic()
    end, _ = played(client, s["session_id"], s["player_token"], decide=lambda _: [])
    assert end["status"] == "completed"
    assert time.monotonic() - began < 20
    for ws in deaf:
        ws.shutdown()


def delegated(ws, **message):
    """Delegate each turn; return what came of the turns."""
    told = []
    for msg in ws:
        if msg["type"] == "observation":
            ws.delegate(**message)
        elif msg["type"] in {"action_result", "error"}:
            told.append(msg)
        elif msg["type"] in {"game_completed", "player_failed"}:
            return told
    raise AssertionError(told)


def test_a_turn_may_be_left_to_the_offline_provider(client):
    for game in ("tictactoe", "market_simulator"):
        s = client.play.create(game=game, seats=1, vs_ai=True, max_ticks=4)
        with client.play.connect(s["session_id"], s["player_token"]) as ws:
            told = delegated(ws, provider_id="scripted")
        assert told
        assert all(msg["type"] == "action_result" and msg["accepted"] for msg in told)


def test_a_turn_may_be_left_to_a_model_which_is_told_what_was_wrong(tmp_path):
    with (
        ModelServer() as models,
        Served(tmp_path, settings=models.settings("mine")) as served,
        served.client() as client,
    ):
        s = client.play.create(game="tictactoe", seats=1, vs_ai=True)
        models.answers += ["[9]", 'I think\n```json\n[{"action": 4}]\n```', "no idea"]
        with client.play.connect(s["session_id"], s["player_token"]) as ws:
            ws.delegate("mine")
            assert next(msg for msg in ws if msg["type"] == "action_result")["accepted"]
            next(msg for msg in ws if msg["type"] == "observation" and msg["tick"] == 2)
            ws.delegate("mine")
            failed = next(msg for msg in ws if msg["type"] == "error")
            assert failed["code"] == "PROVIDER_FAILED"
            ws.delegate("mine", model="of nobody")
            assert next(msg for msg in ws if msg["type"] == "error")["code"] == "VALIDATION_ERROR"
        asked = [body["messages"][-1]["content"] for _, body in models.asked]
        assert "Rules: Two seats in turn put their mark" in asked[0]
        assert "_rejection_feedback" in asked[1]


# ----------------------------------------------------------------------------------- a restart


def test_a_match_goes_on_with_the_same_token_after_kill_9(tmp_path):
    with Served(tmp_path) as before:
        key = before.key()
        with before.client(key=key) as client:
            s = client.play.create(game="market_simulator", seats=1, vs_ai=True, max_ticks=40)
            done = threading.Event()

            def play_some():
                with contextlib.suppress(Exception), client.play.connect(s["session_id"], s["player_token"]) as ws:
                    for msg in ws:
                        if msg["type"] == "observation":
                            if msg["tick"] == 20:
                                done.set()
                                return
                            ws.send_action([])

            thread = threading.Thread(target=play_some)
            thread.start()
            assert done.wait(LIMIT_S)
            before.kill()
            thread.join(LIMIT_S)
    with Served(tmp_path) as after, after.client(key=key) as client:
        assert asked(client, s["session_id"], s["player_token"])["tick"] == 20
        end, kinds = played(client, s["session_id"], s["player_token"], decide=lambda _: [])
        assert (end["status"], kinds.count("observation")) == ("completed", 20)
        assert len(client.sessions.logs(s["session_id"])["logs"]) == 80


def test_a_server_that_ends_lets_go_of_all_who_are_connected(tmp_path):
    with Served(tmp_path) as served, served.client() as client:
        s = client.play.create(game="tictactoe", seats=1, vs_ai=True)
        with (
            client.play.connect(s["session_id"], s["player_token"]) as ws,
            client.play.spectate(s["session_id"]) as eye,
        ):
            assert [next(iter(one))["type"] for one in (ws, eye)] == ["game_started", "game_started"]
            served.process.terminate()
            assert {msg["type"] for msg in ws} <= {"observation"}
            assert {msg["type"] for msg in eye} <= {"state"}
            assert served.process.wait(LIMIT_S) == 0


def test_who_holds_several_seats_is_given_all_of_them_again(client):
    made = client.play.create(game="market_simulator", player_count=2, seats=2, max_ticks=5)
    again = client.play.join(made["session_id"])
    assert [one["player_id"] for one in again["seats"]] == [one["player_id"] for one in made["seats"]]
    for seat in again["seats"]:
        assert client.play.act(made["session_id"], seat["player_token"], [])["accepted"]


def test_a_branch_says_from_where_it_goes_on(client):
    made = client.play.create(game="market_simulator", player_count=2, seats=2, max_ticks=8)
    for _ in range(3):
        for seat in made["seats"]:
            client.play.act(made["session_id"], seat["player_token"], [])
    child = client.play.branch(made["session_id"], count=3)
    assert [one["session"]["tick"] for one in child["branches"]] == [3, 3, 3]


def test_a_session_that_waits_for_players_has_nothing_to_branch(client):
    made = client.play.create(game="market_simulator", player_count=2, seats=1)
    with pytest.raises(ConflictError) as refused:
        client.play.branch(made["session_id"])
    assert refused.value.code == "NOT_ACTIVE"


def test_after_a_kill_the_first_action_is_taken(tmp_path):
    with Served(tmp_path, "--rate", "0") as first:
        key = first.key()
        with first.client(key=key) as asking:
            made = asking.play.create(game="market_simulator", player_count=2, seats=2, max_ticks=40)
            for _ in range(20):
                for seat in made["seats"]:
                    asking.play.act(made["session_id"], seat["player_token"], [])
        first.kill()
    with Served(tmp_path, "--rate", "0") as second, second.client(key=key) as asking:
        told = asking.play.act(made["session_id"], made["seats"][1]["player_token"], [])
        assert told == {"accepted": True, "tick": 20}
        assert asking.play.get(made["session_id"], made["seats"][0]["player_token"])["observation"]["tick"] == 20
