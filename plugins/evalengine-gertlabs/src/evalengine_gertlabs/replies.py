"""How routes of this API answer: results, refusals with the codes that clients know, and what becomes of errors."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from evalengine import RefusedError
from evalengine.errors import LiveError, Why
from evalengine.web import answers
from evalengine_gertlabs import observations

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from evalengine import EvalengineError

_LIVE = {
    Why.UNKNOWN: (404, "NOT_FOUND"),
    Why.TOKEN: (401, "INVALID_TOKEN"),
    Why.STATE: (409, "NOT_ACTIVE"),
    Why.ASKED: (409, "NOT_YOUR_TURN"),
    Why.FULL: (409, "GAME_FULL"),
    Why.BUSY: (503, "SERVER_BUSY"),  # clients try again by themselves
    Why.VALUE: (400, "VALIDATION_ERROR"),
}
_RETRY_S = 2


def result(request: Any, data: Any, status: int = 200) -> Any:
    """Return an answer with the envelope of results."""
    from starlette.responses import Response

    body = {"data": data, "meta": {"request_id": request.state.request_id}}
    return Response(observations.written(body), status, media_type="application/json")


def nothing() -> Any:
    """Return an answer without a body."""
    from starlette.responses import Response

    return Response(status_code=204)


def not_found(what: str) -> RefusedError:
    """Return the refusal of what does not exist, or is another's, which must look the same."""
    return RefusedError(404, "NOT_FOUND", f"there is no {what}")


def invalid(message: str, field: str | None = None) -> RefusedError:
    """Return the refusal of what a client sent; `field` names where."""
    refused = RefusedError(400, "VALIDATION_ERROR", message)
    if field is not None:
        refused.more["field"] = field
    return refused


def conflict(message: str, code: str = "CONFLICT", **more: Any) -> RefusedError:
    """Return the refusal of what does not go together with how things stand."""
    return RefusedError(409, code, message, **more)


def busy(message: str) -> RefusedError:
    """Return the refusal of what may be asked again a little later; nothing may have been done by then."""
    return RefusedError(503, "SERVER_BUSY", message, headers={"retry-after": str(_RETRY_S)})


def of_live(error: LiveError) -> RefusedError:
    """Return what a client is told when a live match cannot do what was asked of it."""
    status, code = _LIVE[error.code]
    return busy(str(error)) if error.code is Why.BUSY else RefusedError(status, code, str(error))


def refusal(error: EvalengineError) -> RefusedError:
    """Return what a client is told of an error of ours."""
    return of_live(error) if isinstance(error, LiveError) else answers.as_refused(error) or answers.mistake()


def route(path: str, function: Callable[[Any], Awaitable[Any]], *methods: str) -> Any:
    """Return a route, GET unless said otherwise, that tells of live matches' errors with the codes of this API."""
    from starlette.routing import Route

    @functools.wraps(function)
    async def answered(request: Any) -> Any:
        try:
            return await function(request)
        except LiveError as error:
            raise of_live(error) from error

    return Route(path, answered, methods=list(methods or ("GET",)))
