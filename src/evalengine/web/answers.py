"""What clients are told: the envelope of results, the one of errors, and how JSON is read from strangers."""

from __future__ import annotations

import html
import json
import math
import re
from typing import TYPE_CHECKING, Any

from evalengine.errors import EvalengineError, NothingToPlayError, StopError, StoreError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_BY_STATUS = {400: "BAD_REQUEST", 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
_PATH = re.compile(
    r"""'[^'\n]*/[^'\n]*'|['"]?(?:(?<![\w/])(?:~|\.{0,2})/[^\s:;,'"]+|[^\s:;,'"]+\.(?:db|sqlite3?)\b)['"]?"""
)  # not "1/5", a match
_DEEPEST = 100  # lists and objects within one another
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{status}</title></head>
<body><h1>{status}</h1><p>{message}</p>
<p><a href="/">To the first page of evalengine</a></p><p>request {request_id}</p></body></html>
"""


class RefusedError(Exception):
    """A request that is refused; becomes the answer. Raised by routes, and before any.

    Attributes:
        status: of HTTP; code: for programs; message: for people; more: further keys of the body;
        headers: of the answer.
    """

    def __init__(
        self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.more = more


def mistake() -> RefusedError:
    """Return what a client is told of a bug: nothing but a number by which the log can be searched."""
    return RefusedError(500, "INTERNAL_ERROR", "the server made a mistake; its log says more")


def as_refused(error: Exception) -> RefusedError | None:
    """Return what an error of ours, or of the framework's, means to a client; None: it is a bug."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, UnknownNameError):
        return RefusedError(400, "UNKNOWN_NAME", str(error))
    if isinstance(error, UsageError | NothingToPlayError):
        told = _PATH.sub("the database", str(error)) if isinstance(error, StoreError) else str(error)
        return RefusedError(400, "VALIDATION_ERROR", told)
    if isinstance(error, StopError):  # a full or busy disk; its text names files of this machine
        return RefusedError(503, "STORAGE_ERROR", "the server cannot store anything at the moment: try again later")
    status = getattr(error, "status_code", None)  # Starlette's HTTPException
    if isinstance(status, int) and not isinstance(error, EvalengineError):
        code = _BY_STATUS.get(status, f"HTTP_{status}")
        headers = getattr(error, "headers", None)
        return RefusedError(status, code, str(getattr(error, "detail", "")), headers=headers)
    return None


def wants_page(accept: str) -> bool:
    """Say whether a client accepts HTML only, by its header."""
    return "text/html" in accept and "json" not in accept


def refusal(error: RefusedError, request_id: str, accept: str) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a refused request's answer: JSON, or a page for who accepts HTML only."""
    headers = {name.lower(): value for name, value in error.headers.items()}
    if wants_page(accept):
        page = _PAGE.format(status=error.status, message=html.escape(error.message), request_id=request_id)
        return page.encode("utf-8", "replace"), {**headers, "content-type": "text/html; charset=utf-8"}
    body = {"error": {"code": error.code, "message": error.message}, "request_id": request_id, **error.more}
    return json.dumps(body).encode(), {**headers, "content-type": "application/json"}


def result(request: Any, data: Any, status: int = 200) -> Any:
    """Return a response with the envelope of results: `data`, and `meta` with the request's id."""
    from starlette.responses import JSONResponse

    return JSONResponse({"data": data, "meta": {"request_id": request.state.request_id}}, status)


async def body_json(request: Any) -> dict[str, Any]:
    """Return the body of a request, a JSON object; {} for an empty one.

    Raises:
        RefusedError: it is nothing of the kind, or holds what cannot be stored: NaN, halves of characters.
    """
    body = await request.body()
    if not body:
        return {}
    try:
        value = json.loads(body, parse_constant=_no_number)
        json.dumps(value, ensure_ascii=False).encode()
        fits = _depth_within(value, _DEEPEST)
    except (ValueError, RecursionError) as error:
        told = str(error).split("\n", maxsplit=1)[0][:200]
        raise RefusedError(400, "INVALID_JSON", f"the body is not JSON: {told}") from None
    if not fits:
        raise RefusedError(400, "INVALID_JSON", f"the body is nested more than {_DEEPEST} times")
    if not isinstance(value, dict):
        raise RefusedError(400, "INVALID_JSON", "the body must be a JSON object")
    return value


def _no_number(text: str) -> None:
    msg = f"{text} is no number"
    raise ValueError(msg)


def _depth_within(value: Any, left: int) -> bool:
    if isinstance(value, float) and not math.isfinite(value):
        msg = "a number is too large"
        raise ValueError(msg)
    if not isinstance(value, list | dict):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return left > 0 and all(_depth_within(item, left - 1) for item in inner)
