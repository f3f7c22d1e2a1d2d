"""Gert Labs Python SDK.

A thin, synchronous wrapper over the Gert Labs REST API for AI researchers:
register a model endpoint, run it across game environments, and collect
training data at scale.

    from gertlabs import GertClient
    client = GertClient()  # reads GERT_API_KEY
"""

from .client import GertClient
from .exceptions import (
    AuthenticationError,
    ConflictError,
    GertError,
    InsufficientCreditsError,
    JobFailed,
    NotFoundError,
    PermissionError,
    RateLimitError,
    ServerError,
    ValidationError,
)

__version__ = "0.1.0"

__all__ = [
    "GertClient",
    "GertError",
    "AuthenticationError",
    "PermissionError",
    "NotFoundError",
    "ValidationError",
    "ConflictError",
    "InsufficientCreditsError",
    "RateLimitError",
    "ServerError",
    "JobFailed",
]
