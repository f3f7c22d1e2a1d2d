"""Unit tier: pure SDK-internal logic via a mocked HTTP transport.

Scoped to things not practical to trigger against a live server -- exception-class
mapping (incl. 5xx), zero-request/guard edge cases, envelope/204 handling. Real
server behavior (endpoints, shapes, cursors, job/session/WebSocket lifecycle) is
covered by the live suite in tests/integration/ (`make test-sdk-integration`).
"""

import httpx
import pytest

from gertlabs import (
    ConflictError,
    GertClient,
    InsufficientCreditsError,
    JobFailed,
    NotFoundError,
    ServerError,
    ValidationError,
)


def envelope(data, status=200):
    return httpx.Response(status, json={"data": data, "meta": {"request_id": "req-1"}})


def api_error(status, code, message="boom"):
    return httpx.Response(status, json={"error": {"code": code, "message": message}, "request_id": "req-err"})


def make_client(handler):
    """Build a GertClient whose HTTP layer is backed by a mock transport."""
    c = GertClient(api_key="sk_gert_test", base_url="http://test/api/v1")
    c._http = httpx.Client(
        transport=httpx.MockTransport(handler),
        base_url=c.base_url,
        headers={"X-API-Key": c.api_key},
    )
    return c


# --- init ---

def test_init_explicit_key():
    c = GertClient(api_key="sk_gert_x", base_url="http://test/api/v1")
    assert c.api_key == "sk_gert_x"
    assert c.base_url == "http://test/api/v1"


def test_init_env_key(monkeypatch):
    monkeypatch.setenv("GERT_API_KEY", "sk_gert_env")
    monkeypatch.setenv("GERT_BASE_URL", "http://env/api/v1")
    c = GertClient()
    assert c.api_key == "sk_gert_env"
    assert c.base_url == "http://env/api/v1"


def test_init_missing_key(monkeypatch):
    monkeypatch.delenv("GERT_API_KEY", raising=False)
    with pytest.raises(ValueError):
        GertClient()


def test_base_url_trailing_slash_stripped():
    c = GertClient(api_key="k", base_url="http://test/api/v1/")
    assert c.base_url == "http://test/api/v1"


# --- envelope + auth header ---

def test_unwraps_data_envelope():
    c = make_client(lambda req: envelope({"slug": "chess", "name": "Chess"}))
    assert c.games.get("chess") == {"slug": "chess", "name": "Chess"}


def test_sends_api_key_header():
    seen = {}

    def handler(req):
        seen["key"] = req.headers.get("X-API-Key")
        return envelope({"credits": 10})

    make_client(handler).billing.balance()
    assert seen["key"] == "sk_gert_test"


def test_204_returns_empty():
    c = make_client(lambda req: httpx.Response(204))
    c.submissions.delete("sub-1")  # no exception, returns None


def test_drops_none_fields():
    seen = {}

    def handler(req):
        import json as _json
        seen["body"] = _json.loads(req.content)
        return envelope({"job_id": "j1"})

    make_client(handler).exports.create(export_type="submissions", game_slug=None, min_percentile=0.9)
    assert "game_slug" not in seen["body"]
    assert seen["body"] == {"export_type": "submissions", "min_percentile": 0.9}


# --- error mapping ---

@pytest.mark.parametrize(
    "status,code,exc",
    [
        (404, "NOT_FOUND", NotFoundError),
        (400, "VALIDATION_ERROR", ValidationError),
        (422, "VALIDATION_FAILED", ValidationError),
        (409, "CONFLICT", ConflictError),
        (402, "INSUFFICIENT_CREDITS", InsufficientCreditsError),
        (500, "INTERNAL_ERROR", ServerError),
    ],
)
def test_error_status_mapping(status, code, exc):
    c = make_client(lambda req: api_error(status, code))
    with pytest.raises(exc) as ei:
        c.games.get("nope")
    assert ei.value.code == code
    assert ei.value.status == status
    assert ei.value.request_id == "req-err"


def test_code_override_beats_status():
    # 403 carrying INSUFFICIENT_CREDITS maps on code, not status (which would be Permission).
    c = make_client(lambda req: api_error(403, "INSUFFICIENT_CREDITS"))
    with pytest.raises(InsufficientCreditsError):
        c.games.get("x")


# --- pagination ---

def test_paginate_follows_cursor():
    def handler(req):
        cursor = req.url.params.get("cursor")
        if cursor is None:
            return envelope({"games": [{"id": 1}, {"id": 2}], "next_cursor": "c1"})
        return envelope({"games": [{"id": 3}]})

    games = make_client(handler).games.list()
    assert [g["id"] for g in games] == [1, 2, 3]


def test_paginate_empty():
    c = make_client(lambda req: envelope({"games": []}))
    assert c.games.list() == []


def test_paginate_stops_on_empty_page_even_with_cursor():
    def handler(req):
        return envelope({"games": [], "next_cursor": "loop"})

    assert make_client(handler).games.list() == []


# --- jobs ---

def test_job_get_unwraps_job_key():
    c = make_client(lambda req: envelope({"job": {"job_id": "j1", "status": "running"}}))
    assert c.jobs.get("j1") == {"job_id": "j1", "status": "running"}


def test_wait_returns_completed_job():
    c = make_client(lambda req: envelope({"job": {"job_id": "j1", "status": "completed", "result": {"ok": 1}}}))
    job = c.jobs.wait("j1", interval=0, timeout=1)
    assert job["result"] == {"ok": 1}


def test_wait_polls_until_terminal(monkeypatch):
    calls = {"n": 0}

    def handler(req):
        calls["n"] += 1
        status = "completed" if calls["n"] >= 3 else "running"
        return envelope({"job": {"job_id": "j1", "status": status}})

    monkeypatch.setattr("time.sleep", lambda s: None)
    job = make_client(handler).jobs.wait("j1", interval=0.01, timeout=5)
    assert job["status"] == "completed"
    assert calls["n"] == 3


def test_wait_raises_on_failure():
    c = make_client(lambda req: envelope({"job": {"job_id": "j1", "status": "failed", "error": "kaboom"}}))
    with pytest.raises(JobFailed) as ei:
        c.jobs.wait("j1", interval=0, timeout=1)
    assert ei.value.job["error"] == "kaboom"


def test_wait_times_out():
    c = make_client(lambda req: envelope({"job": {"job_id": "j1", "status": "running"}}))
    with pytest.raises(TimeoutError):
        c.jobs.wait("j1", interval=0, timeout=0.0)


# --- dataset build mode dispatch ---

def test_evaluate_code_sets_mode():
    seen = {}

    def handler(req):
        import json as _json
        seen["body"] = _json.loads(req.content)
        return envelope({"job_id": "j1"}, status=202)

    make_client(handler).dataset_builds.evaluate_code(game_tags=["strategy"], custom_provider_id="p1")
    assert seen["body"]["mode"] == "code_evaluation"
    assert seen["body"]["game_tags"] == ["strategy"]


def test_explore_sets_mode():
    seen = {}

    def handler(req):
        import json as _json
        seen["body"] = _json.loads(req.content)
        return envelope({"job_id": "j1"}, status=202)

    make_client(handler).dataset_builds.explore(game_tags=["strategy"], custom_provider_id="p1")
    assert seen["body"]["mode"] == "branch_exploration"


def test_dataset_builds_reject_caller_mode_override():
    c = make_client(lambda req: envelope({"job_id": "j1"}, status=202))
    with pytest.raises(TypeError):
        c.dataset_builds.evaluate_code(game_tags=["x"], mode="branch_exploration")
    with pytest.raises(TypeError):
        c.dataset_builds.explore(game_tags=["x"], mode="code_evaluation")


# --- play player-token auth ---

def test_play_act_uses_player_token_header():
    seen = {}

    def handler(req):
        seen["pt"] = req.headers.get("X-Player-Token")
        seen["key"] = req.headers.get("X-API-Key")
        return envelope({"accepted": True, "tick": 5})

    make_client(handler).play.act("s1", "pt_abc", {"action": "fold"})
    assert seen["pt"] == "pt_abc"


# --- pagination controls (max_items / page_size) ---

def test_paginate_max_items_caps_total():
    def handler(req):
        if req.url.params.get("cursor") is None:
            return envelope({"games": [{"id": 1}, {"id": 2}, {"id": 3}], "next_cursor": "c1"})
        return envelope({"games": [{"id": 4}, {"id": 5}]})

    games = make_client(handler).games.list(max_items=4)
    assert [g["id"] for g in games] == [1, 2, 3, 4]


def test_paginate_page_size_sets_wire_limit():
    seen = {}

    def handler(req):
        seen["limit"] = req.url.params.get("limit")
        return envelope({"games": []})

    make_client(handler).games.list(page_size=25)
    assert seen["limit"] == "25"


def test_paginate_max_items_shrinks_first_page():
    seen = {}

    def handler(req):
        seen["limit"] = req.url.params.get("limit")
        return envelope({"games": [{"id": 1}]})

    make_client(handler).games.list(max_items=3, page_size=100)
    assert seen["limit"] == "3"  # min(page_size, max_items)


def test_paginate_forwards_filter():
    seen = {}

    def handler(req):
        seen["tag"] = req.url.params.get("tag")
        return envelope({"games": []})

    make_client(handler).games.list(tag="strategy")
    assert seen["tag"] == "strategy"


def test_paginate_rejects_limit_kwarg():
    c = make_client(lambda req: envelope({"games": []}))
    with pytest.raises(TypeError):
        c.games.list(limit=5)


def test_paginate_max_items_zero_returns_empty_without_request():
    calls = {"n": 0}

    def handler(req):
        calls["n"] += 1
        return envelope({"games": [{"id": 1}]})

    assert make_client(handler).games.list(max_items=0) == []
    assert calls["n"] == 0  # nothing requested


def test_paginate_rejects_negative_max_items():
    c = make_client(lambda req: envelope({"games": []}))
    with pytest.raises(ValueError):
        c.games.list(max_items=-1)


@pytest.mark.parametrize("page_size", [0, -1, 101, 200])
def test_paginate_rejects_out_of_range_page_size(page_size):
    c = make_client(lambda req: envelope({"games": []}))
    with pytest.raises(ValueError):
        c.games.list(page_size=page_size)


# --- exports.get uses the dedicated endpoint ---

def test_exports_get_uses_export_endpoint():
    seen = {}

    def handler(req):
        seen["path"] = req.url.path
        return envelope({"export": {"job_id": "e1", "status": "completed", "export_type": "submissions"}})

    out = make_client(handler).exports.get("e1")
    assert seen["path"].endswith("/exports/e1")
    assert out["export_type"] == "submissions"


# --- error body carries extra top-level fields ---

def test_error_body_exposes_existing_job_id():
    def handler(req):
        return httpx.Response(409, json={
            "error": {"code": "CONFLICT", "message": "already running"},
            "existing_job_id": "job-xyz",
            "request_id": "req-9",
        })

    with pytest.raises(ConflictError) as ei:
        make_client(handler).dataset_builds.evaluate_code(game_tags=["x"], custom_provider_id="p")
    assert ei.value.body["existing_job_id"] == "job-xyz"


# --- providers: read-only (mutations are dashboard-only) ---

def test_providers_list_returns_list():
    c = make_client(lambda req: envelope([{"provider_id": "p1", "name": "m"}]))
    assert c.providers.list() == [{"provider_id": "p1", "name": "m"}]


def test_providers_has_no_mutations():
    c = make_client(lambda req: envelope({}))
    assert not hasattr(c.providers, "create")
    assert not hasattr(c.providers, "update")
    assert not hasattr(c.providers, "delete")
