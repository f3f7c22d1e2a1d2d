"""The way in: the first page, the login, and the files that pages load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine.report.pages import STATIC
from evalengine.web.pages import forms
from evalengine.web.pages.addresses import PARTS, is_own, link
from evalengine.web.pages.site import HERE, MissingError
from evalengine.web.pages.visitors import COOKIE, give

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalengine.web.pages.run_pages import RunPages
    from evalengine.web.pages.site import Site
    from evalengine.web.pages.visitors import Visitor

_KINDS = {".css": "text/css", ".js": "text/javascript", ".txt": "text/plain"}
_OPENS = {"play": "play", "jobs": "read"}  # parts by a scope that opens them; Games by any


class EntryPages:
    """Answers for all of it."""

    def __init__(self, site: Site, runs: RunPages) -> None:
        self._site = site
        self._runs = runs
        self._files = {
            f"{name}/{path.name}": (path.read_bytes(), _KINDS[path.suffix])
            for name, folder in (("report", STATIC), ("pages", HERE / "static"))
            for path in _files(folder)
        }

    def routes(self) -> Sequence[Any]:
        """Return the routes."""
        from starlette.routing import Route

        first = self._site.answering(("pages", "play", "read", "run"), self.first)
        return [
            Route("/", first),
            Route("/runs", first),  # what who shortens an address expects there
            Route("/login", self.login, methods=["GET"]),
            Route("/login", self.enter, methods=["POST"]),
            Route("/logout", self.leave, methods=["POST"]),
            Route("/static/{folder}/{name}", self.file),
        ]

    async def first(self, request: Any, visitor: Visitor) -> Any:
        """Show the runs, to a key that may not see them the first part that it may."""
        from starlette.responses import RedirectResponse

        if visitor.may("pages"):
            return await self._runs.runs(request, visitor)
        part = next((part for part, _ in PARTS if part in _OPENS and visitor.may(_OPENS[part])), "games")
        return RedirectResponse(link(part), 303)

    async def login(self, request: Any) -> Any:
        """Show the form for a key."""
        visitor = await self._site.visitors.of(request)
        return self._form(request.query_params.get("next", ""), visitor, "", 200)

    async def enter(self, request: Any) -> Any:
        """Take a key, and go where the browser wanted to."""
        from starlette.responses import RedirectResponse

        told = await forms.fields(request)
        key = await self._site.server.call(self._site.server.keys.find, told.get("key", "").strip())
        if key is None:
            return self._form(told.get("next", ""), None, "This is no key, or it was revoked.", 403)
        made = RedirectResponse(_own(told.get("next", "")), 303)
        return give(made, self._site.visitors.enter(key), secure=request.url.scheme == "https")

    async def leave(self, request: Any) -> Any:
        """End a session."""
        from starlette.responses import RedirectResponse

        self._site.visitors.leave(request)
        made = RedirectResponse(link("login"), 303)
        made.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return made

    def _form(self, wanted: str, visitor: Visitor | None, refused: str, status: int) -> Any:
        return self._site.page("login", "", visitor, status, next=_own(wanted), refused=refused)

    async def file(self, request: Any) -> Any:
        """Answer with a file that pages load; anybody may have it."""
        from starlette.responses import Response

        found = self._files.get(f"{request.path_params['folder']}/{request.path_params['name']}")
        if found is None:
            raise MissingError(request.url.path, "file")
        return Response(found[0], media_type=found[1], headers={"cache-control": "max-age=300"})


def _own(path: str) -> str:
    return path if is_own(path) else "/"


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.suffix in _KINDS]
