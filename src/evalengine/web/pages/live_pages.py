"""Live matches: the list of them, one to look at or to play in, and what a person does there without a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine.errors import EvalengineError, LiveError
from evalengine.live.values import ENDED, WAITING
from evalengine.web.answers import RefusedError
from evalengine.web.pages import forms
from evalengine.web.pages.addresses import link
from evalengine.web.pages.live_socket import Talk
from evalengine.web.pages.seats import playing
from evalengine.web.pages.site import MissingError
from evalengine.web.pages.tables import Tables
from evalengine.web.pages.visitors import give

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.live.values import Listed
    from evalengine.web.pages.site import Site
    from evalengine.web.pages.visitors import Visitor

_EACH = 50
_STATES = ("waiting", "active", "completed", "failed")
_LARGEST = 1 << 40
_DRAWING_HEADERS = {
    # A drawing is the game's: as a document of its own it may show itself and no more.
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "cache-control": "private, max-age=300",
}


class LivePages:
    """Answers for all of it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._live = site.server.live
        self.tables = Tables(site)

    def routes(self) -> Sequence[Any]:
        """Return the routes."""
        from starlette.routing import Route, WebSocketRoute

        look = ("pages", "play")
        made = [
            Route(path, self._site.answering(scopes, function), methods=[method])
            for path, scopes, function, method in (
                ("/live", look, self.list, "GET"),
                ("/live/{id}", look, self.show, "GET"),
                ("/live/{id}/picture/{turn:int}.svg", look, self.picture, "GET"),
                ("/live/{id}/act", ("play",), self.act, "POST"),
                ("/live/{id}/join", ("play",), self.join, "POST"),
                ("/live/{id}/undo", ("play",), self.undo, "POST"),
                ("/live/{id}/leave", ("play",), self.leave, "POST"),
            )
        ]
        return [*made, WebSocketRoute("/live/{id}/ws", self.follow)]

    # --------------------------------------------------------------------------------- to look

    async def list(self, request: Any, visitor: Visitor) -> Any:
        """List live matches, the newest first."""
        state = request.query_params.get("state", "")
        if state and state not in _STATES:
            raise RefusedError(400, "BAD_REQUEST", f"a live match is {', '.join(_STATES)}, never {state[:50]!r}")
        before = forms.whole(request.query_params.get("before", ""), _LARGEST)
        found = await self._live.listed(state=state or None, before=before, limit=_EACH + 1)
        return self._site.page(
            "live_list", "live", visitor, found=found[:_EACH],
            more=found[_EACH - 1].run if len(found) > _EACH else None,
            state=state, states=_STATES,
        )  # fmt: skip

    async def show(self, request: Any, visitor: Visitor) -> Any:
        """Show a match, with what its holder can do."""
        return await self._shown(request, visitor)

    async def _shown(self, request: Any, visitor: Visitor, refused: str = "", status: int = 200) -> Any:
        listed = await self._found(request)
        taken = await self.tables.seats.of(listed, visitor)
        position = await self._live.observe(listed.id, taken and taken.token)
        panel = await self.tables.panel(listed, playing(taken, position), position, refused)
        free = taken is None and position.state == "waiting" and visitor.may("play")
        return self._site.page(
            "live", "live", visitor, status, listed=listed, taken=taken, position=position, panel=panel, free=free,
            left=taken != playing(taken, position), ended=position.state in ENDED, rules=self._rules(listed),
        )  # fmt: skip

    def _rules(self, listed: Listed) -> str:
        spec = self._site.server.plugins.games().get(listed.game.partition("(")[0])
        return "" if spec is None else spec.doc

    async def picture(self, request: Any, visitor: Visitor) -> Any:
        """Return the drawing of a position, as the one who asks may see it."""
        from starlette.responses import Response

        listed = await self._found(request)
        taken = await self.tables.seats.of(listed, visitor)
        position = await self._live.observe(listed.id)
        turn = request.path_params["turn"]
        if turn > position.turn:
            raise MissingError(turn, "turn")
        drawn = await self.tables.drawn(listed.id, turn, taken and taken.seat)
        if not drawn.svg:
            raise MissingError(turn, "drawing for you of turn")
        svg = drawn.svg.encode("utf-8", "replace")
        return Response(svg, media_type="image/svg+xml", headers=_DRAWING_HEADERS)

    async def follow(self, socket: Any) -> None:
        """Follow a match over a WebSocket."""
        visitor = await self._site.visitors.require(socket, ("pages", "play"))
        try:
            listed = await self._live.show(socket.path_params["id"])
        except LiveError as error:
            raise RefusedError(404, "NOT_FOUND", str(error)) from None
        taken = await self.tables.seats.of(listed, visitor)
        await Talk(self._site, self.tables, socket, listed, taken if visitor.may("play") else None).run()

    # ----------------------------------------------------------------------------------- to do

    async def act(self, request: Any, visitor: Visitor) -> Any:
        """Do what a form says; show the page again with the reason where that is refused."""
        listed, told = await self._found(request), await forms.fields(request)
        taken = await self._own(listed, visitor)
        try:
            acted = await self.tables.act(listed.id, taken, told)
        except EvalengineError as error:
            return await self._shown(request, visitor, str(error), 422)
        if not acted.accepted:
            return await self._shown(request, visitor, f"not possible: {acted.reason}", 422)
        return _to(listed.id)

    async def join(self, request: Any, visitor: Visitor) -> Any:
        """Take a free seat."""
        listed = await self._found(request)
        visitor, cookie = self._site.visitors.known(visitor)
        if await self.tables.seats.join(listed.id, visitor) is None:
            raise RefusedError(409, "FULL", f"match {listed.id} has no free seat: open one of your own")
        return give(_to(listed.id), cookie, secure=request.url.scheme == "https")

    async def undo(self, request: Any, visitor: Visitor) -> Any:
        """Take the last decision back."""
        listed = await self._found(request)
        return _to(await self.tables.undo(listed, await self._own(listed, visitor), visitor))

    async def leave(self, request: Any, visitor: Visitor) -> Any:
        """Leave a seat."""
        listed = await self._found(request)
        await self._live.leave(listed.id, (await self._own(listed, visitor)).token)
        if listed.position.state == WAITING:
            self.tables.seats.forget(listed.id, visitor)
        return _to(listed.id)

    async def _found(self, request: Any) -> Listed:
        try:
            return await self._live.show(request.path_params["id"])
        except LiveError:
            hint = "Those there are stand under Live; begin one under Play."
            raise MissingError(request.path_params["id"], "live match", hint) from None

    async def _own(self, listed: Listed, visitor: Visitor) -> Any:
        taken = await self.tables.seats.of(listed, visitor)
        if taken is None:
            raise RefusedError(403, "FORBIDDEN", f"you have no seat in match {listed.id}: look on, or play your own")
        return taken


def _to(live_id: str) -> Any:
    from starlette.responses import RedirectResponse

    return RedirectResponse(link("table", live_id), 303)
