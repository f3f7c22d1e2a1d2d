"""Live integration tests against a real gert-server (see conftest for bootstrap).

Real endpoints, response shapes, cursor pagination, error mapping, and the
local-play (bring-your-own-model) lifecycle -- no mocks.
"""

import threading
import time

import pytest

from gertlabs import NotFoundError


def test_discovery(client):
    games = client.games.list()
    assert len(games) > 0
    g = games[0]
    assert g["slug"] and g["name"]
    assert client.games.get(g["slug"])["slug"] == g["slug"]
    tags = client.games.tags(active=True)
    assert "tags" in tags and "taxonomy" in tags


def test_pagination_real_cursors(client):
    # max_items caps; a tiny page_size forces many real cursor pages, and the
    # walked result must equal the unbounded list (order + count).
    assert len(client.games.list(max_items=3)) == 3
    full = [g["slug"] for g in client.games.list()]
    walked = [g["slug"] for g in client.games.list(page_size=2)]
    assert walked == full


def test_billing_balance(client):
    bal = client.billing.balance()
    assert "credits" in bal and "tier" in bal


def test_not_found_maps(client):
    with pytest.raises(NotFoundError):
        client.games.get("definitely-not-a-real-game-xyz")


def test_exports_get_returns_export_type(client):
    job = client.exports.create(export_type="submissions", format="json", max_records=1)
    ex = client.exports.get(job["job_id"])
    assert ex["export_type"] == "submissions"


def test_local_play_ws_self_drive(client):
    """Bring-your-own-model path: control all seats and drive them via WebSocket
    from here -- no submission pool needed, nothing about the model shared."""
    s = client.play.create(game="market_simulator", player_count=2, seats=2,
                           vs_ai=False, max_ticks=10)
    assert s["session"]["status"] == "active"
    seats = s["seats"]
    assert len(seats) == 2

    seen = {}  # player_id -> messages received

    def drive(seat):
        count = 0
        with client.play.connect(s["session_id"], seat["player_token"]) as ws:
            for msg in ws:
                count += 1
                t = msg.get("type")
                if t == "observation":
                    ws.send_action([])           # no-op action; see prompt for real ones
                elif t in ("game_completed", "player_failed"):
                    break
        seen[seat["player_id"]] = count

    threads = [threading.Thread(target=drive, args=(seat,)) for seat in seats]
    for t in threads:
        t.start()
    for t in threads:
        t.join(timeout=60)

    assert all(not t.is_alive() for t in threads), "play threads timed out"
    assert len(seen) == 2 and all(n > 0 for n in seen.values())
    final = client.sessions.get(s["session_id"])
    assert final["status"] in ("completed", "failed")


def test_local_play_rest_act(client):
    """REST player-token path: poll an observation and submit an accepted action."""
    s = client.play.create(game="market_simulator", player_count=2, seats=2,
                           vs_ai=False, max_ticks=20)
    seat = s["seats"][0]
    accepted = False
    for _ in range(40):
        st = client.play.get(s["session_id"], seat["player_token"])
        if st["status"] != "active":
            break
        if st.get("observation") is not None:
            res = client.play.act(s["session_id"], seat["player_token"], [])
            if res.get("accepted"):
                accepted = True
                break
        time.sleep(0.25)
    assert accepted, "no action accepted over REST within the polling window"
    client.play.leave(s["session_id"], seat["player_token"])
