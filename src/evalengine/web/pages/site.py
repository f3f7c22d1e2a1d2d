"""How pages are answered: templates filled, errors told to people, and who may see what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalengine.entry import versions_now
from evalengine.errors import LiveError, StoreError, UnknownNameError, Why
from evalengine.report.pages import Pages
from evalengine.web import answers, lines
from evalengine.web.answers import RefusedError
from evalengine.web.pages import addresses
from evalengine.web.pages.reading import Reading
from evalengine.web.pages.visitors import Visitors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from evalengine.web.house import Server
    from evalengine.web.pages.visitors import Visitor

HERE = Path(__file__).parent
_UNAUTHORIZED = 401


class Site:
    """What all pages are made with.

    Attributes:
        server, visitors, reading; db_option: " --db FILE" for the commands that pages show, where it is needed.
    """

    def __init__(self, server: Server, *, local: bool) -> None:
        self.server = server
        self.visitors = Visitors(server, local=local)
        self.reading = Reading(server)
        self.db_option = self.reading.db_option
        self._pages = Pages(addresses.link, HERE / "templates")
        self._version = versions_now(server.plugins)["evalengine"]

    def filled(self, template: str, **records: Any) -> str:
        """Return a template with what it shows."""
        return self._pages.filled(template, **{"db_option": self.db_option, **records})

    def page(self, template: str, part: str, visitor: Visitor | None, status: int = 200, /, **records: Any) -> Any:
        """Return a page as a response.

        Args:
            part: the one that it belongs to, of `addresses.PARTS`.
        """
        from starlette.responses import HTMLResponse

        site = {
            "here": part,
            "parts": addresses.PARTS if visitor is not None else (),
            "name": visitor.name if visitor is not None else "",
            "may": visitor.may if visitor is not None else _nothing,
            "version": self._version,
        }
        return HTMLResponse(self.filled(template, site=site, **records), status)

    def answering(
        self, scopes: Sequence[str], function: Callable[[Any, Visitor], Awaitable[Any]]
    ) -> Callable[[Any], Any]:
        """Return an endpoint for those who hold one of the scopes, which tells people of errors in a page."""

        async def endpoint(request: Any) -> Any:
            visitor = None
            try:
                visitor = await self.visitors.of(request)
                await self.visitors.require(request, scopes)
                assert visitor is not None
                return await function(request, visitor)
            except Exception as error:
                refused = _as_refused(error)
                if refused is None or "json" in request.headers.get("accept", ""):
                    raise
                if refused.status >= 500:  # noqa: PLR2004 - the server's own
                    lines.log(f"request {request.state.request_id}: {lines.crash(error)}")
                return self._refusal(request, visitor, refused)

        return endpoint

    async def nowhere(self, request: Any) -> Any:
        """Answer for an address that leads nowhere: with a page, to whom JSON would say nothing."""
        visitor = await self.visitors.of(request)
        hint = "What there is stands above, or behind the first page."
        return self._refusal(request, visitor, MissingError(request.url.path[:200], "page", hint))

    def _refusal(self, request: Any, visitor: Visitor | None, refused: RefusedError) -> Any:
        from starlette.responses import RedirectResponse

        if refused.status == _UNAUTHORIZED and request.method == "GET":
            asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(addresses.link("login", next=asked), 303)
        return self.page(
            "error", "", visitor, refused.status, code=refused.status, message=refused.message,
            hint=refused.more.get("hint", ""), request_id=request.state.request_id,
        )  # fmt: skip


class MissingError(RefusedError):
    """There is nothing of this name to show.

    Args:
        what: "run", "match" ...; hint: where those that are there stand, or the next command.
    """

    def __init__(self, name: object, what: str, hint: str = "") -> None:
        super().__init__(404, "NOT_FOUND", f"there is no {what} {name}", hint=hint)


def _as_refused(error: Exception) -> RefusedError | None:
    if isinstance(error, LiveError):
        status = {Why.UNKNOWN: 404, Why.TOKEN: 403, Why.BUSY: 503}.get(error.code, 409)
        return RefusedError(status, error.code.value.upper(), str(error))
    if isinstance(error, UnknownNameError):
        return RefusedError(404, "NOT_FOUND", str(error))
    if isinstance(error, StoreError):
        return RefusedError(409, "UNREADABLE", str(error))
    return answers.as_refused(error)


def _nothing(_scope: str) -> bool:
    return False
