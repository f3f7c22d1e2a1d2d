"""What Prometheus is told. No label holds what a client sent but the method and the status."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"})
_BUCKETS_S = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry = CollectorRegistry()
        self._requests = Counter(
            "evalengine_requests", "Answered requests.", ["method", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "evalengine_request_seconds", "Until the answer was complete.", buckets=_BUCKETS_S, registry=self.registry
        )
        self._refused = Counter("evalengine_refused", "Refused before any route.", ["code"], registry=self.registry)
        self._jobs = Gauge("evalengine_jobs", "Stored jobs.", ["state"], registry=self.registry)
        self.websockets = Gauge("evalengine_websockets", "Open WebSockets.", registry=self.registry)

    def answered(self, method: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method if method in _METHODS else "OTHER", str(status)).inc()
        self._seconds.observe(seconds)

    def refused(self, code: str) -> None:
        """Count a request that no route saw; `code` is one of ours."""
        self._refused.labels(code).inc()

    def text(self, jobs: Mapping[str, int]) -> tuple[bytes, str]:
        """Return all as Prometheus reads it, and its content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        for state, count in jobs.items():
            self._jobs.labels(state).set(count)
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
