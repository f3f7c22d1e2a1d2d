"""Resource groups for the Gert Labs SDK.

Each class wraps a slice of the REST API. Methods accept ``**params`` and
forward them as request fields, so new server-side options work without an
SDK update. All methods return the unwrapped response dict (or list).
"""

import time

from . import exceptions

TERMINAL_JOB_STATUSES = {"completed", "failed", "cancelled"}


class _Resource:
    def __init__(self, client):
        self._c = client


class Games(_Resource):
    """Game catalog and tag discovery."""

    def list(self, *, max_items=None, page_size=100, **params):
        """Return games, following pagination. Supports ``tag=`` filter and the
        ``max_items`` / ``page_size`` controls (see ``GertClient.paginate``)."""
        return list(self._c.paginate("/games", "games", params=params, max_items=max_items, page_size=page_size))

    def get(self, slug):
        return self._c.request("GET", f"/games/{slug}")

    def tags(self, active=False):
        """Return the tag taxonomy. With ``active=True``, includes per-tag game counts."""
        params = {"active": "true"} if active else None
        return self._c.request("GET", "/tags", params=params)


class DatasetBuilds(_Resource):
    """The multi-game batch engine. Runs the caller's model across many games.

    Both methods map to POST /dataset-builds (distinguished by ``mode``), accept
    ``dry_run=True`` to return a credit estimate without enqueuing, and select
    games with exactly one of ``game_slug`` / ``game_slugs`` / ``game_tags``.
    """

    def _create(self, mode, params):
        # mode is owned by the method (evaluate_code vs explore), so a caller
        # passing it is misuse; reject loudly rather than route to the wrong
        # workflow. Ordering also keeps the discriminator authoritative.
        if "mode" in params:
            raise TypeError("mode is fixed by this method -- use evaluate_code() or explore()")
        return self._c.request("POST", "/dataset-builds", json={**params, "mode": mode})

    def evaluate_code(self, **params):
        """Generate code submissions with the provider, evaluate, and export.

        Result (when complete) contains ``export_job_ids`` (a list). Key params:
        ``custom_provider_id`` (required), game selection, ``submission_count``,
        ``match_count``, ``export_type`` (submissions|game_replays|both),
        ``export_format`` (json|parquet).
        """
        return self._create("code_evaluation", params)

    def explore(self, **params):
        """Auto-explore counterfactual branches and export score-trajectory data.

        Result (when complete) contains ``export_job_id`` (singular). Key params:
        ``custom_provider_id``, game selection, ``parent_count``,
        ``samples_per_action``, ``max_actions``, ``explore_interval``,
        ``export_format``.
        """
        return self._create("branch_exploration", params)


class Exports(_Resource):
    """Filtered data extraction and loading."""

    def list(self, *, max_items=None, page_size=100, **params):
        return list(self._c.paginate("/exports", "exports", params=params, max_items=max_items, page_size=page_size))

    def create(self, **params):
        """Create an export job. ``dry_run=True`` returns an estimate instead.

        Score-filtered submission slices live here, e.g.
        ``export_type="submissions", min_percentile=0.9, tags=[...]``.
        """
        return self._c.request("POST", "/exports", json=params)

    def get(self, job_id):
        """Get export status from the dedicated export endpoint (includes
        ``export_type``)."""
        return self._c.request("GET", f"/exports/{job_id}")["export"]

    def download(self, job_id):
        """Return presigned download info: ``{download_url}``, a chunked
        ``{chunked, chunks: [...]}`` manifest, or ``{record_count, message}``
        for an empty export."""
        return self._c.request("GET", f"/exports/{job_id}/download")

    def reset_tracking(self, **params):
        self._c.request("POST", "/exports/reset-tracking", params=params or None)

    def load(self, job_id):
        """Download a parquet export and return a pandas DataFrame.

        Concatenates chunks for chunked exports. Requires the ``[data]`` extra
        (pandas + pyarrow). Returns an empty DataFrame for a zero-record export.
        """
        try:
            import pandas as pd
        except ImportError as e:
            raise ImportError(
                "exports.load requires the [data] extra: pip install 'gertlabs[data]'"
            ) from e

        info = self.download(job_id)
        if info.get("chunked"):
            urls = [c["download_url"] for c in info.get("chunks", [])]
        elif info.get("download_url"):
            urls = [info["download_url"]]
        else:
            return pd.DataFrame()
        frames = [pd.read_parquet(url) for url in urls]
        return pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]


class Jobs(_Resource):
    """Async job status and polling."""

    def get(self, job_id):
        return self._c.request("GET", f"/jobs/{job_id}")["job"]

    def wait(self, job_id, interval=2.0, timeout=3600.0):
        """Poll until the job reaches a terminal state.

        Returns the job dict on success. Raises ``JobFailed`` if the job failed
        or was cancelled, and ``TimeoutError`` if ``timeout`` elapses first.
        """
        deadline = time.monotonic() + timeout
        while True:
            job = self.get(job_id)
            status = job.get("status")
            if status in TERMINAL_JOB_STATUSES:
                if status == "completed":
                    return job
                raise exceptions.JobFailed(
                    f"job {job_id} {status}: {job.get('error') or 'no error detail'}", job=job
                )
            if time.monotonic() >= deadline:
                raise TimeoutError(f"job {job_id} did not complete within {timeout}s (status={status})")
            time.sleep(interval)


class Providers(_Resource):
    """Custom LLM providers (the researcher's own model endpoint). Org-scoped.

    Registration is a one-time setup step done in the dashboard: it stores an
    upstream secret and decides where your org's prompts are routed, so the
    server gates create/update/delete to interactive (logged-in) sessions and
    rejects API keys. The SDK reads providers so scripts can resolve the
    ``provider_id`` to pass to plays, submissions, and dataset builds.
    """

    def list(self):
        """Return the org's custom providers (each includes ``provider_id`` and
        ``name``). Use this to resolve the id of a provider you created in the
        dashboard."""
        return self._c.request("GET", "/org/providers")


class Submissions(_Resource):
    """Code submissions: upload, evaluate, inspect. Fine-grained building blocks."""

    def list(self, *, max_items=None, page_size=100, **params):
        return list(self._c.paginate("/submissions", "submissions", params=params, max_items=max_items, page_size=page_size))

    def get(self, submission_id):
        return self._c.request("GET", f"/submissions/{submission_id}")

    def create(self, **params):
        """Upload code (``code=`` / ``files=``), one-shot generate
        (``custom_provider_id`` with no code), or agentic generate
        (``pipeline="agentic"``)."""
        return self._c.request("POST", "/submissions", json=params)

    def delete(self, submission_id):
        self._c.request("DELETE", f"/submissions/{submission_id}")

    def evaluate(self, submission_id, **params):
        return self._c.request("POST", f"/submissions/{submission_id}/evaluate", json=params)

    def batch_evaluate(self, **params):
        return self._c.request("POST", "/submissions/evaluate", json=params)


class Sessions(_Resource):
    """Account-level session management and inspection (not gameplay)."""

    def list(self, *, max_items=None, page_size=100, **params):
        return list(self._c.paginate("/sessions", "sessions", params=params, max_items=max_items, page_size=page_size))

    def get(self, session_id):
        return self._c.request("GET", f"/sessions/{session_id}")

    def logs(self, session_id):
        return self._c.request("GET", f"/sessions/{session_id}/logs")

    def branches(self, session_id):
        return self._c.request("GET", f"/sessions/{session_id}/branches")

    def branch_scores(self, session_id, **params):
        return self._c.request("GET", f"/sessions/{session_id}/branch-scores", params=params or None)

    def delete(self, session_id):
        self._c.request("DELETE", f"/sessions/{session_id}")


class Billing(_Resource):
    """Credit balance and usage history."""

    def balance(self):
        return self._c.request("GET", "/auth/balance")

    def usage(self, *, max_items=None, page_size=100, **params):
        return list(self._c.paginate("/auth/usage", "entries", params=params, max_items=max_items, page_size=page_size))


class Play(_Resource):
    """Live game sessions: create, branch, and drive play.

    ``get`` / ``act`` / ``leave`` authenticate with the per-player token via the
    ``X-Player-Token`` header (returned by ``create``), not the API key.
    """

    def create(self, **config):
        return self._c.request("POST", "/play", json=config)

    def join(self, session_id):
        return self._c.request("POST", f"/play/{session_id}/join")

    def branch(self, session_id, **config):
        return self._c.request("POST", f"/play/{session_id}/branch", json=config)

    def get(self, session_id, player_token):
        return self._c.request("GET", f"/play/{session_id}", headers={"X-Player-Token": player_token})

    def act(self, session_id, player_token, payload, action_id=None):
        body = {"payload": payload, "action_id": action_id}
        return self._c.request(
            "POST", f"/play/{session_id}/act", json=body, headers={"X-Player-Token": player_token}
        )

    def leave(self, session_id, player_token):
        return self._c.request(
            "POST", f"/play/{session_id}/leave", headers={"X-Player-Token": player_token}
        )

    def connect(self, session_id, player_token):
        """Open the player WebSocket (context manager). Authenticates by sending
        the player token as the first message."""
        from .ws import PlaySocket, ws_url

        return PlaySocket(ws_url(self._c.base_url, f"/play/{session_id}/ws"), player_token=player_token)

    def spectate(self, session_id):
        """Open the spectator WebSocket (context manager). Sends the API key on
        the upgrade for private/org sessions."""
        from .ws import PlaySocket, ws_url

        return PlaySocket(
            ws_url(self._c.base_url, f"/spectate/{session_id}"),
            headers={"X-API-Key": self._c.api_key},
        )
