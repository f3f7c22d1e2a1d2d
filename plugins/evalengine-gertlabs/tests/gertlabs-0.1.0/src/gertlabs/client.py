"""HTTP transport and entry point for the Gert Labs SDK."""

import os

import httpx

from . import exceptions
from .resources import (
    Billing,
    DatasetBuilds,
    Exports,
    Games,
    Jobs,
    Play,
    Providers,
    Sessions,
    Submissions,
)

DEFAULT_BASE_URL = "https://gertlabs.com/api/v1"


class GertClient:
    """Client for the Gert Labs platform REST API.

    Authenticates with a platform API key (``sk_gert_...``). Resolve order for
    each argument: explicit parameter, then environment variable
    (``GERT_API_KEY`` / ``GERT_BASE_URL``).

    Resource groups mirror the API: ``client.games``, ``client.dataset_builds``,
    ``client.exports``, ``client.jobs``, ``client.providers``,
    ``client.submissions``, ``client.sessions``, ``client.billing``,
    ``client.play``.
    """

    def __init__(self, api_key=None, base_url=None, timeout=30.0):
        api_key = api_key or os.environ.get("GERT_API_KEY")
        if not api_key:
            raise ValueError(
                "No API key provided. Pass api_key= or set the GERT_API_KEY environment variable."
            )
        self.api_key = api_key
        self.base_url = (base_url or os.environ.get("GERT_BASE_URL") or DEFAULT_BASE_URL).rstrip("/")
        self._http = httpx.Client(
            base_url=self.base_url,
            headers={"X-API-Key": api_key},
            timeout=timeout,
        )

        self.games = Games(self)
        self.dataset_builds = DatasetBuilds(self)
        self.exports = Exports(self)
        self.jobs = Jobs(self)
        self.providers = Providers(self)
        self.submissions = Submissions(self)
        self.sessions = Sessions(self)
        self.billing = Billing(self)
        self.play = Play(self)

    def request(self, method, path, json=None, params=None, headers=None):
        """Send a request and return the unwrapped ``data`` payload.

        Drops None values from ``json`` and ``params`` so callers can pass
        optional fields as keyword arguments without sending nulls. Raises a
        GertError subclass on any 4xx/5xx response.
        """
        if json is not None:
            json = {k: v for k, v in json.items() if v is not None}
        if params is not None:
            params = {k: v for k, v in params.items() if v is not None}

        resp = self._http.request(method, path, json=json, params=params, headers=headers)
        if resp.status_code >= 400:
            self._raise(resp)
        if resp.status_code == 204 or not resp.content:
            return {}
        body = resp.json()
        return body.get("data", body) if isinstance(body, dict) else body

    @staticmethod
    def _raise(resp):
        code = message = request_id = None
        body = None
        try:
            body = resp.json()
            err = body.get("error") or {}
            code = err.get("code")
            message = err.get("message")
            request_id = body.get("request_id")
        except Exception:
            message = resp.text or None
        raise exceptions.from_response(resp.status_code, code, message, request_id, body=body)

    def paginate(self, path, key, *, params=None, max_items=None, page_size=100):
        """Yield items across cursor pages of a list endpoint.

        ``key`` is the collection field in the response (e.g. "games",
        "submissions"). Follows ``next_cursor`` until exhausted or ``max_items``
        items have been yielded. ``max_items`` must be >= 0 (0 yields nothing).
        ``page_size`` is the wire page size and must be 1..100 (the server's max).
        The SDK owns the ``limit`` query param, so passing ``limit`` in ``params``
        is an error.
        """
        params = dict(params or {})
        if "limit" in params:
            raise TypeError("pass page_size= / max_items= instead of limit=")
        if max_items is not None and max_items < 0:
            raise ValueError("max_items must be >= 0")
        if not 1 <= page_size <= 100:
            raise ValueError("page_size must be between 1 and 100")
        if max_items == 0:
            return
        params["limit"] = min(page_size, max_items) if max_items is not None else page_size
        count = 0
        while True:
            data = self.request("GET", path, params=params)
            items = data.get(key, [])
            for item in items:
                yield item
                count += 1
                if max_items is not None and count >= max_items:
                    return
            cursor = data.get("next_cursor")
            if not cursor or not items:
                return
            params["cursor"] = cursor

    def close(self):
        self._http.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
