"""Exception hierarchy for the Gert Labs SDK.

All API errors map to a GertError subclass. The server returns errors as
{"error": {"code": ..., "message": ...}, "request_id": ...}; we surface the
machine-readable code, HTTP status, and request_id for debugging.
"""


class GertError(Exception):
    """Base class for all Gert Labs API errors.

    ``body`` holds the full parsed error response, so callers can read extra
    top-level fields the server includes on some errors -- e.g. a dataset-build
    409 carries ``body["existing_job_id"]``.
    """

    def __init__(self, message, code=None, status=None, request_id=None, body=None):
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.request_id = request_id
        self.body = body or {}

    def __str__(self):
        parts = [self.message or self.__class__.__name__]
        if self.code:
            parts.append(f"code={self.code}")
        if self.status:
            parts.append(f"status={self.status}")
        if self.request_id:
            parts.append(f"request_id={self.request_id}")
        return " ".join(parts) if len(parts) == 1 else f"{parts[0]} ({', '.join(parts[1:])})"


class AuthenticationError(GertError):
    """401: missing or invalid credentials."""


class PermissionError(GertError):
    """403: authenticated but not allowed (scope, org, IP, billing hold)."""


class NotFoundError(GertError):
    """404: resource does not exist."""


class ValidationError(GertError):
    """400 / 422: malformed request or failed validation."""


class ConflictError(GertError):
    """409: resource conflict (duplicate, in-use, already running)."""


class InsufficientCreditsError(GertError):
    """402: not enough credits for the requested operation."""


class RateLimitError(GertError):
    """429: rate limit or quota exceeded."""


class ServerError(GertError):
    """5xx: server-side failure."""


class JobFailed(GertError):
    """A polled job reached a terminal failure state. Carries the full job dict."""

    def __init__(self, message, job=None):
        super().__init__(message, code=(job or {}).get("error"))
        self.job = job or {}


# API error codes that map to a specific exception regardless of HTTP status.
_CODE_MAP = {
    "INSUFFICIENT_CREDITS": InsufficientCreditsError,
    "DAILY_LIMIT_EXCEEDED": InsufficientCreditsError,
}

# HTTP status to exception class.
_STATUS_MAP = {
    400: ValidationError,
    401: AuthenticationError,
    402: InsufficientCreditsError,
    403: PermissionError,
    404: NotFoundError,
    409: ConflictError,
    422: ValidationError,
    429: RateLimitError,
}


def from_response(status, code, message, request_id, body=None):
    """Build the most specific GertError for an API error response."""
    cls = _CODE_MAP.get(code or "")
    if cls is None:
        cls = _STATUS_MAP.get(status)
    if cls is None:
        cls = ServerError if status >= 500 else GertError
    return cls(message or f"HTTP {status}", code=code, status=status, request_id=request_id, body=body)
