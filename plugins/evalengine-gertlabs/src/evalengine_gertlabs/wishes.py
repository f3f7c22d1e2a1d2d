"""What a client asks to play, as a live match: who sits where, how long, who may watch."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine.live.values import Wish
from evalengine_gertlabs import catalog, replies
from evalengine_gertlabs.replies import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalengine import GameSpec
    from evalengine.planning import ChosenGame
    from evalengine_gertlabs.api import Api
    from evalengine_gertlabs.fields import Fields

NOTE = "gertlabs"
"""The key, in a live match's note, of what this API keeps there."""
PRIVATE = frozenset({"private", "org"})
"""Ways to spectate that are for the owner's keys alone."""
GONE_S = 3600.0
"""For which a seat that is asked may give no sign before an agent goes on for it."""
_SPECTATE = ("public", "unlisted", *sorted(PRIVATE))
_MOST_SEATS = 64
_MOST_TICKS = 1_000_000


class Asked(NamedTuple):
    """What a client asks for.

    Attributes:
        players: how many seats there are; take: how many the caller drives, the first ones; open: whether the others
        are for whoever joins, else agents have them; ai: which agents those are; note: what is kept with the match.
    """

    spec: GameSpec
    players: int
    take: int
    open: bool
    max_ticks: int | None
    ai: str
    config: Mapping[str, float]
    seed: int | None
    note: Mapping[str, Any]


def read(body: Fields, api: Api) -> Asked:
    """Return what a body asks for.

    Raises:
        RefusedError: it cannot be played so.
    """
    spec = _spec(body, api)
    provider, mode = body.text("custom_provider_id", None), body.text("ai_mode", None)
    vs_ai, autostart = body.flag("vs_ai", None), body.flag("autostart", default=False)
    alone = vs_ai is None and (provider, mode) != (None, None)  # agents among themselves, to be watched
    count = body.whole("player_count", None, least=1, most=_MOST_SEATS)
    take = body.whole("seats", 0 if alone else 1, least=0, most=_MOST_SEATS)
    count = max(spec.default_seats, min(take, spec.max_seats)) if count is None else count
    if not spec.min_seats <= count <= spec.max_seats:
        msg = f"{catalog.slug(spec)} is played by {spec.min_seats} to {spec.max_seats} players, not {count}"
        raise invalid(msg, "player_count")
    if take > count:
        msg = f"seats must be at most the {count} players of the session, not {take}"
        raise invalid(msg, "seats")
    max_ticks = body.whole("max_ticks", None, least=1, most=_MOST_TICKS)
    note = {
        "slug": catalog.slug(spec),
        "max_ticks": max_ticks,
        "spectate_mode": body.choice("spectate_mode", _SPECTATE, "public"),
        "ai_mode": mode,
        "custom_provider_id": provider,
        "taken": take,
    }
    return Asked(
        spec=spec,
        players=count,
        take=take,
        open=0 < take < count and not vs_ai and not autostart,
        max_ticks=max_ticks,
        ai=_agent(spec, provider, mode, body.text("model", None), api),
        config=_config(body.mapping("parameters", {})),
        seed=body.whole("seed", None),
        note=note,
    )


def made(asked: Asked, api: Api, holder: str) -> tuple[Wish, ChosenGame]:
    """Return the wish for a live match and its game; imports the game, so not for the event loop.

    Raises:
        UsageError: it cannot be made so.
    """
    shorter = {} if asked.max_ticks is None else catalog.shortened(asked.spec, asked.max_ticks)
    game = api.catalog.chosen(asked.spec, asked.players, {**asked.config, **shorter})
    remote = asked.players if asked.open else asked.take
    wish = Wish(
        game=game.ref,
        seats=[None] * remote + [asked.ai] * (asked.players - remote),
        take=asked.take,
        holder=holder,
        seed=asked.seed,
        max_turns=min(asked.max_ticks or 0, game.game.spec.max_turns),
        gone_s=GONE_S,
        stand_in=_agent(asked.spec, None, None, None, api),
        note={NOTE: asked.note},
    )
    return wish, game


def _spec(body: Fields, api: Api) -> GameSpec:
    if "game" in body:
        return api.catalog.find(body.text("game"))
    tags = body.texts("tags", [])
    if not tags:
        msg = "game is missing: a slug of GET /games; or tags, of which a game is drawn that has all"
        raise invalid(msg, "game")
    found = api.catalog.tagged(tags)
    if not found:
        raise replies.not_found(f"game that has all of the tags {', '.join(tags)}"[:300])
    return secrets.choice(found)


def _agent(spec: GameSpec, provider: str | None, mode: str | None, model: str | None, api: Api) -> str:
    """Return who plays a seat that nobody drives; `mode` may be the name of a bundled agent."""
    if provider is None and mode is not None and mode in api.catalog.agents:
        return mode
    return api.providers.find(provider or "scripted").seat(spec, api.catalog.agents, model)


def _config(given: Mapping[str, Any]) -> dict[str, float]:
    for name, value in given.items():
        if not isinstance(value, int | float):
            msg = f"parameters: {name[:40]!r} must be a number, or true or false"
            raise invalid(msg, "parameters")
    return dict(given)
