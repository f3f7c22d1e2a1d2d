"""Whatever a client sends to play, it is told what is wrong with it, and the server makes no mistake."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websocket import create_connection

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
GAMES = st.sampled_from(["tictactoe", "market_simulator", "kuhn_poker", "tron"])
WISHES = st.fixed_dictionaries(
    {"game": GAMES | VALUES},
    optional={
        name: VALUES | st.integers(0, 5) | st.booleans()
        for name in (
            "seats", "player_count", "max_ticks", "vs_ai", "autostart", "ai_mode", "custom_provider_id",
            "spectate_mode", "parameters", "tags", "seed", "model",
        )
    },
)  # fmt: skip
OFTEN = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@OFTEN
@given(WISHES)
def test_any_wish_is_played_or_refused(client, wish):
    answer = client._http.post("/play", content=json.dumps(wish).encode())
    assert answer.status_code in {201, 400, 404, 429}, answer.text
    if answer.status_code == 201:
        client.sessions.delete(answer.json()["data"]["session_id"])


@OFTEN
@given(st.sampled_from(["tictactoe", "market_simulator"]), st.data())
def test_any_action_and_branch_is_taken_or_refused(client, game, data):
    s = client.play.create(game=game, seats=2)
    token = {"x-player-token": s["player_token"] if "player_token" in s else s["seats"][0]["player_token"]}
    for path in ("act", "branch"):
        body = data.draw(
            st.fixed_dictionaries(
                {},
                optional=dict.fromkeys(("payload", "action_id", "tick", "count", "luck"), VALUES),
            )
        )
        answer = client._http.post(f"/play/{s['session_id']}/{path}", content=json.dumps(body).encode(), headers=token)
        assert answer.status_code in {200, 201, 400, 409}, answer.text
    client.sessions.delete(s["session_id"])


@settings(OFTEN, max_examples=60)
@given(st.lists(VALUES | st.fixed_dictionaries({"type": st.sampled_from(["action", "delegate", "auth"])}), max_size=8))
def test_any_messages_are_answered(served, client, messages):
    s = client.play.create(game="tictactoe", seats=1, vs_ai=True)
    ws = create_connection(f"ws{served.base_url[4:]}/play/{s['session_id']}/ws", timeout=60)
    ws.send(json.dumps({"type": "auth", "token": s["player_token"]}))
    for message in messages:
        ws.send(json.dumps(message))
    ws.send('{"type": "ping"}')
    kinds = []
    while "pong" not in kinds:
        kinds.append(json.loads(ws.recv())["type"])
    ws.close()
    assert kinds[0] == "connected"
    assert kinds.count("error") == len(messages)
    client.sessions.delete(s["session_id"])
