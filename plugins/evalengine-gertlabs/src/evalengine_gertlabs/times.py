"""Times as clients write and read them: RFC 3339, in UTC."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from evalengine_gertlabs.replies import invalid

if TYPE_CHECKING:
    from evalengine_gertlabs.fields import Fields


def told(seconds: float | None) -> str | None:
    """Return seconds since 1970 as a text, None for None."""
    if seconds is None:
        return None
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def asked(body: Fields, name: str) -> float | None:
    """Return the seconds since 1970 of a field that is a text, None when it is not there.

    Raises:
        RefusedError: it is no time.
    """
    text = body.text(name, None, most=40)
    if text is None:
        return None
    try:
        when = dt.datetime.fromisoformat(text)
        return (when if when.tzinfo else when.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        msg = f"{name} must be a time as in 2026-01-31T12:00:00Z, not {text!r}"
        raise invalid(msg, name) from None
