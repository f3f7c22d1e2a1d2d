"""Play: the games, a form for each from its own parameters, and the match that it opens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from evalengine import planning
from evalengine.errors import EvalengineError, UsageError
from evalengine.live.values import ACTIVE, Wish
from evalengine.web.answers import RefusedError
from evalengine.web.pages import forms
from evalengine.web.pages.addresses import link
from evalengine.web.pages.site import MissingError
from evalengine.web.pages.visitors import give

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine.model import GameSpec
    from evalengine.planning import ChosenGame
    from evalengine.web.pages.live_pages import LivePages
    from evalengine.web.pages.site import Site
    from evalengine.web.pages.visitors import Visitor

_GONE_S = 86_400.0  # after a day without a sign of life somebody has left
_MOST = 16  # matches at once of one visitor
_DEFAULTS = ("mcts", "random")  # who plays when nobody was chosen: the first that fits
_PERSON = "person"
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,9})?")
_LARGEST_SEED = (1 << 63) - 1


class OpeningPages:
    """Answers for all of it."""

    def __init__(self, site: Site, live: LivePages) -> None:
        self._site = site
        self._live = live

    def routes(self) -> Sequence[Any]:
        """Return the routes."""
        from starlette.routing import Route

        return [
            Route("/play", self._site.answering(("play",), self.choose)),
            Route("/play/{game}", self._site.answering(("play",), self.form), methods=["GET"]),
            Route("/play/{game}", self._site.answering(("play",), self.open), methods=["POST"]),
        ]

    async def choose(self, _request: Any, visitor: Visitor) -> Any:
        """List the games that can be played."""
        return self._site.page("play", "play", visitor, games=listed(self._site))

    async def form(self, request: Any, visitor: Visitor) -> Any:
        """Show the form of a game."""
        return await self._form(request, visitor, request.query_params, "", 200)

    async def _form(self, request: Any, visitor: Visitor, given: Mapping[str, str], refused: str, status: int) -> Any:
        spec = self._spec(request)
        agents = await self._site.server.call(self._agents, spec)
        first = next((name for name in _DEFAULTS if name in agents), next(iter(agents), _PERSON))
        return self._site.page(
            "play_game", "play", visitor, status, spec=spec, agents=agents, person=_PERSON, given=dict(given),
            default=first, refused=refused,
        )  # fmt: skip

    async def open(self, request: Any, visitor: Visitor) -> Any:
        """Open a match as a form says, and go there."""
        from starlette.responses import RedirectResponse

        told, spec = await forms.fields(request), self._spec(request)
        visitor, cookie = self._site.visitors.known(visitor)
        server = self._site.server
        try:
            going = await server.live.listed(state=ACTIVE, holder=visitor.holder, limit=_MOST)
            if len(going) >= _MOST:
                raise RefusedError(409, "BUSY", f"you have {_MOST} matches that go on: finish or leave one, under Live")
            wish = await server.call(self._wish, spec, told, visitor)
            opened = await server.live.open(wish)
        except EvalengineError as error:
            return await self._form(request, visitor, told, str(error), 422)
        self._live.tables.seats.note(opened.id, visitor, opened.seats[0])
        made = RedirectResponse(link("table", opened.id), 303)
        return give(made, cookie, secure=request.url.scheme == "https")

    # ------------------------------------------------------------------------------------ inside

    def _spec(self, request: Any) -> GameSpec:
        found = self._site.server.plugins.games().get(request.path_params["game"])
        if found is None:
            raise MissingError(request.path_params["game"], "game", "All of them: evalengine games")
        return found

    def _agents(self, spec: GameSpec) -> dict[str, str]:
        """Return what the registered agents that fit a game do, by their names."""
        (game,) = planning.choose_games(spec.name, self._site.server.plugins)
        return {
            name: agent.doc.partition("\n")[0]
            for name, agent in self._site.server.plugins.agents().items()
            if planning.fits(agent, game) and all("default" in schema for schema in agent.parameters.values())
        }

    def _wish(self, spec: GameSpec, told: Mapping[str, str], visitor: Visitor) -> Wish:
        """Return the match that a form asks for.

        Raises:
            UsageError: it cannot be played so.
        """
        (game,) = planning.choose_games(reference(spec, told), self._site.server.plugins)
        other: str | None = told.get("against", "")
        if other == _PERSON:
            other = None
        elif other not in self._agents(spec):
            msg = f"{other!r} is no agent that plays {spec.name}: choose one of the list"
            raise UsageError(msg)
        seat = _seat(told, game, alone=other is not None)
        seed = forms.whole(told.get("seed", "").strip(), _LARGEST_SEED)
        if told.get("seed", "").strip() and seed is None:
            msg = "a seed is a whole number of 63 bits, or nothing: then it is drawn"
            raise UsageError(msg)
        return Wish(
            game=game.ref,
            seats=[None if number == seat else other for number in range(game.seats)],
            holder=visitor.holder,
            seed=seed,
            gone_s=_GONE_S,
            note={"by": "pages"},
        )


def listed(site: Site) -> list[GameSpec]:
    """Return the games that lists show, by name."""
    return planning.select_games(None, site.server.plugins)


def reference(spec: GameSpec, told: Mapping[str, str]) -> str:
    """Return a game with the parameters of a form: "hex(size=5)".

    Raises:
        UsageError: a value is of another type.
    """
    values = {}
    for name, schema in {**spec.config, "seats": {"type": "integer"}}.items():
        text = told.get(f"config-{name}", "").strip()
        if schema.get("type") == "boolean":
            values[name] = text == "true" if f"config-{name}" in told else None
        elif text:
            values[name] = _value(name, text, schema)
    inner = ", ".join(f"{name}={value!r}" for name, value in values.items() if value is not None)
    return f"{spec.name}({inner})" if inner else spec.name


def _value(name: str, text: str, schema: Mapping[str, Any]) -> Any:
    kind = schema.get("type")
    if kind in {"integer", "number"}:
        if not _NUMBER.fullmatch(text) or (kind == "integer" and "." in text):
            msg = f"{name} must be {'a whole number' if kind == 'integer' else 'a number'}, not {text[:50]!r}"
            raise UsageError(msg)
        return int(text) if kind == "integer" else float(text)
    # A text that may be anything may name a file of this machine, which the game would read.
    if text not in {str(value) for value in (*schema.get("enum", ()), schema.get("default", ""))}:
        msg = f"{name} cannot be chosen here: evalengine play has all parameters"
        raise UsageError(msg)
    return text


def _seat(told: Mapping[str, str], game: ChosenGame, *, alone: bool) -> int:
    seat = forms.whole(told.get("seat", "0"), game.seats - 1)
    if seat is None:
        msg = f"{game.ref} has the seats 0 to {game.seats - 1}"
        raise UsageError(msg)
    return seat if alone else 0  # among persons who opens the match has the first
