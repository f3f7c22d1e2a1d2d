"""What can play and be played: games with their rules, agents with what they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine import plugins
from evalengine.web.pages.opening_pages import listed
from evalengine.web.pages.site import MissingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.web.pages.site import Site
    from evalengine.web.pages.visitors import Visitor

_MOST = 100
_ANYBODY = ("pages", "play", "read", "run")


class CataloguePages:
    """Answers for all of it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> Sequence[Any]:
        """Return the routes."""
        from starlette.routing import Route

        return [
            Route("/games", self._site.answering(_ANYBODY, self.games)),
            Route("/games/{game}", self._site.answering(_ANYBODY, self.game)),
            Route("/agents", self._site.answering(_ANYBODY, self.agents)),
        ]

    async def games(self, _request: Any, visitor: Visitor) -> Any:
        """List the games."""
        games = [(spec, plugins.tags_of(spec)) for spec in listed(self._site)]
        return self._site.page("games", "games", visitor, games=games)

    async def game(self, request: Any, visitor: Visitor) -> Any:
        """Show a game: the rules that models are told, too."""
        spec = self._site.server.plugins.games().get(request.path_params["game"])
        if spec is None:
            raise MissingError(request.path_params["game"], "game", "All of them: evalengine games")
        return self._site.page("game", "games", visitor, spec=spec, tags=plugins.tags_of(spec))

    async def agents(self, _request: Any, visitor: Visitor) -> Any:
        """List the registered agents, and those that played last."""
        known = self._site.server.plugins.agents().values()
        last = await self._site.reading.call(_last) if visitor.may("pages") else []
        return self._site.page("agents", "agents", visitor, agents=known, last=last)


def _last(store: Any) -> list[dict[str, Any]]:
    """Return agents of the latest runs, live matches not among them."""
    found: list[dict[str, Any]] = store.rows(
        """select a.run, a.agent_no, a.name, a.kind, a.version, r.started from agent a join run r on r.id = a.run
        where r.kind <> 'live' order by a.run desc, a.agent_no limit ?""",
        _MOST,
    )
    return found
