"""The application: routes of plugins, then the server's own, within what answers for their errors, behind the guard."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from evalengine.errors import EvalengineError, StopError
from evalengine.web import answers, api, lines
from evalengine.web.answers import RefusedError
from evalengine.web.guard import Guard
from evalengine.web.pages import routes as pages
from evalengine.web.rates import Rates

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalengine.web.hosts import Hosts
    from evalengine.web.house import Server


def application(server: Server, names: Hosts, per_s: float, *, local: bool, verbose: bool) -> Guard:
    """Return the whole application.

    Args:
        per_s: requests of each key or address; local: whether pages need no key from this machine; verbose: log each.

    Raises:
        PluginError: a plugin's routes cannot be made.
    """
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException

    handlers: dict[Any, Any] = dict.fromkeys((RefusedError, HTTPException, EvalengineError), _refused)
    handlers[Exception] = _failed
    own, nowhere = pages.routes(server, local=local)
    routes = [*server.plugins.routes(server), *api.routes(server), *own]
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.default = _default(app.router.default, nowhere)
    app.router.redirect_slashes = False  # some clients take a redirect for an empty answer
    return Guard(
        app,
        hosts=names,
        rates=Rates(per_s),
        find_key=lambda text: asyncio.to_thread(server.keys.find, text),
        body_bytes=server.body_bytes,
        metrics=server.metrics,
        verbose=verbose,
    )


def _default(default: Any, nowhere: Callable[[Any], Any]) -> Any:
    """Return what answers where no route is: a page for who reads HTML, else as the framework does."""
    from starlette.requests import Request

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive) if scope["type"] == "http" else None
        if request is not None and answers.wants_page(request.headers.get("accept", "")):
            await (await nowhere(request))(scope, receive, send)
        else:
            await default(scope, receive, send)

    return answer


async def _refused(request: Any, error: Exception) -> Any:
    """Answer for a route that refused; the guard does it for WebSockets, which may be open already."""
    refused = answers.as_refused(error)
    if refused is None or request.scope["type"] != "http":
        raise error
    if isinstance(error, StopError):
        lines.log(f"request {request.state.request_id}: {error}")
    return _response(request, refused)


async def _failed(request: Any, _error: Exception) -> Any:
    """Answer for a route that crashed; the framework raises the error again, and the guard logs it."""
    return _response(request, answers.mistake())


def _response(request: Any, refused: RefusedError) -> Any:
    from starlette.responses import Response

    accept = request.headers.get("accept", "")
    body, headers = answers.refusal(refused, request.state.request_id, accept)
    return Response(body, refused.status, headers)
