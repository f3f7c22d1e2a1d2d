"""What browsers send: the fields of a form."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from evalengine.web.answers import RefusedError

_MOST = 100  # fields


async def fields(request: Any) -> dict[str, str]:
    """Return the fields of a form that was sent, the last of each name.

    Raises:
        RefusedError: it is no such form.
    """
    body = await request.body()
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST, errors="strict"))
    except ValueError:
        raise RefusedError(400, "INVALID_FORM", "what was sent is no form of these pages") from None


def whole(text: str, most: int) -> int | None:
    """Return the whole number from 0 to `most` that a text is, None when it is none."""
    fits = text.isascii() and text.isdecimal() and len(text) <= len(str(most))
    return int(text) if fits and int(text) <= most else None
