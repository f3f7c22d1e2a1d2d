"""Fixtures for live integration tests against a real gert-server.

These tests exercise the SDK end to end against a running DEV_MODE server (real
endpoints, response shapes, cursors, job/session/WebSocket lifecycle) -- no mocks.
The whole suite skips when no server is reachable, so `make test-sdk` (unit tier)
stays serverless. Run `make dev` first, then `make test-sdk-integration`.

The user/key are bootstrapped against a DEV_MODE server (register is invite-free
and auto-verified there). Defaults match the standard local dev admin; override
with GERT_BASE_URL / GERT_TEST_EMAIL / GERT_TEST_PASSWORD. The user must be funded
(playing reserves credits) -- locally the dev admin is; CI provisions one with
`create-user --credits`.
"""

import os

import httpx
import pytest

from gertlabs import GertClient

BASE_URL = os.environ.get("GERT_BASE_URL", "http://localhost:8080/api/v1")
EMAIL = os.environ.get("GERT_TEST_EMAIL", "admin@dev.local")
PASSWORD = os.environ.get("GERT_TEST_PASSWORD", "password123")


def _bootstrap_api_key():
    """Ensure the dev user exists, log in, and mint an API key. Returns the raw key.

    Mirrors the dashboard flow: register (DEV_MODE auto-verifies) -> login (gets
    csrf + cookies) -> POST /auth/api-keys (JWT cookie + CSRF header).
    """
    with httpx.Client(base_url=BASE_URL, timeout=10.0) as http:
        http.post("/auth/register", json={"email": EMAIL, "password": PASSWORD})
        login = http.post("/auth/login", json={"email": EMAIL, "password": PASSWORD})
        if login.status_code != 200:
            raise RuntimeError(
                f"integration bootstrap login failed ({login.status_code}); "
                f"server must be in DEV_MODE with user {EMAIL}: {login.text}"
            )
        csrf = login.json()["data"]["csrf_token"]
        resp = http.post("/auth/api-keys", json={"name": "sdk-integration"},
                         headers={"X-CSRF-Token": csrf})
        if resp.status_code not in (200, 201):
            raise RuntimeError(f"integration bootstrap api-key mint failed: {resp.status_code} {resp.text}")
        return resp.json()["data"]["key"]


@pytest.fixture(scope="session")
def client():
    try:
        key = _bootstrap_api_key()
    except (httpx.ConnectError, httpx.ConnectTimeout):
        pytest.skip(f"no gert-server reachable at {BASE_URL} (run `make dev`)")
    c = GertClient(api_key=key, base_url=BASE_URL)
    yield c
    c.close()
