"""What a reset asks for: which game, whose seats, what opponents; and the episode that follows from it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import RefusedError, seeding
from evalengine.errors import UsageError
from evalengine_gertlabs import catalog, replies
from evalengine_gertlabs.rollouts import league
from evalengine_gertlabs.rollouts.plans import Plan
from evalengine_gertlabs.rollouts.settings import seat_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine.model import GameSpec
    from evalengine.planning import ChosenGame
    from evalengine_gertlabs.api import Api
    from evalengine_gertlabs.fields import Fields

SOURCES = ("system", "own", "both")
DIFFICULTY = "difficulty"
"""The parameter by which a game says that it has difficulties."""
_SEEDS = (1 << 53) - 1


class Wish(NamedTuple):
    """A reset as it was asked for.

    Attributes:
        game: None: one that has all `tags`; players: None: as many as the game has by default;
        band: of the league, None where the reset does not say; pool: how opponents are narrowed.
    """

    game: str | None
    tags: Sequence[str]
    seed: int
    players: int | None
    opponents: int
    difficulty: float | None
    band: tuple[float | None, float | None]
    max_ticks: int
    pool: Mapping[str, Any]


def read(body: Fields, most_ticks: int) -> Wish:
    """Return what a body asks for.

    Raises:
        RefusedError: it cannot be meant.
    """
    game, tags = body.text("game", None), body.texts("tags", [])
    if (game is None) == (not tags):
        told = "give one of game and tags"
        raise replies.invalid(told, "game")
    difficulty = body.number(DIFFICULTY, None, least=0, most=1e6)
    opponents = body.whole("opponent_seats", 0, most=100)
    if difficulty is not None and (game is None or opponents):
        told = "difficulty goes with a game by name and without opponent_seats"
        raise replies.invalid(told, DIFFICULTY)
    max_ticks = body.whole("max_ticks", 0, most=1 << 31)
    if max_ticks > most_ticks:
        told = f"max_ticks {max_ticks} is more than the run's max_ticks_per_episode, {most_ticks}"
        raise replies.invalid(told, "max_ticks")
    return Wish(
        game=game,
        tags=tags,
        seed=body.whole("seed", seeding.fresh_seed() & _SEEDS, least=-_SEEDS, most=_SEEDS),
        players=body.whole("player_count", None, least=1, most=100),
        opponents=opponents,
        difficulty=difficulty,
        band=band_of(body),
        max_ticks=max_ticks or most_ticks,
        pool=pool_of(body),
    )


def band_of(body: Fields) -> tuple[float | None, float | None]:
    """Return the band of a body.

    Raises:
        RefusedError: it is upside down.
    """
    low, high = (body.number(f"{side}_percentile", None, least=0, most=1) for side in ("min", "max"))
    if low is not None and high is not None and low > high:
        told = "min_percentile must be at most max_percentile"
        raise replies.invalid(told, "min_percentile")
    return low, high


def pool_of(body: Fields) -> dict[str, Any]:
    """Return how a body narrows opponents, without what it leaves open."""
    found: dict[str, Any] = {}
    if body.text("opponent_source", "", least=0):
        found["source"] = body.choice("opponent_source", SOURCES)
    for name in ("models", "providers"):
        if asked := body.texts(f"opponent_{name}", []):
            found[name] = list(asked)
    for name in ("created_after", "created_before"):
        if (text := body.text(f"opponent_{name}", None)) is not None:
            found[name] = _seconds(text, f"opponent_{name}")
    return found


def _seconds(text: str, field: str) -> float:
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        told = f"{field} must be a time of RFC 3339: 2026-01-31T12:00:00Z"
        raise replies.invalid(told, field) from None
    return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).timestamp()


def planned(api: Api, wish: Wish, run: Mapping[str, Any]) -> Plan:
    """Return the episode that a reset asks for; makes the game, so not for the event loop.

    Raises:
        RefusedError: it cannot be played so.
    """
    seed = seeding.derive(wish.seed, "rollout")
    game, spec = _game(api, wish)
    if wish.opponents >= game.seats:
        told = f"{wish.opponents} opponents leave none of the {game.seats} seats of {game.ref} to your policy"
        raise replies.invalid(told, "opponent_seats")
    policy, others = _seats(game.seats, wish.opponents, seed)
    band = _band(wish, run)
    members = opponents(api, game, run["owner"], band, wish.pool) if others else []
    drawn = league.drawn(members, others, seeding.stream(seed, "opponents"))
    facts: dict[str, Any] = {
        "seed": wish.seed,
        "opponents": [member.told(seat_name(seat)) for seat, member in drawn.items()],
    }
    if others:
        facts |= {"min_percentile": band[0], "max_percentile": band[1]}
    if wish.difficulty is not None:
        facts[DIFFICULTY] = wish.difficulty
    return Plan(
        slug=catalog.slug(spec),
        game=spec.name,
        config=dict(game.config),
        version=game.game.spec.version,
        seats=game.seats,
        seed=seed,
        max_ticks=wish.max_ticks if wish.max_ticks < game.game.spec.max_turns else 0,
        policy=policy,
        others={seat: member.ref for seat, member in drawn.items()},
        band=band,
        pool=dict(wish.pool),
        facts=facts,
    )


def opponents(
    api: Api, game: ChosenGame, owner: str, band: Sequence[float], pool: Mapping[str, Any], *, fast: bool = False
) -> list[league.Member]:
    """Return who may be drawn.

    Args:
        fast: for playouts, which submissions play only if they are asked for.

    Raises:
        RefusedError: 409 NO_OPPONENTS, nobody.
    """
    source = pool.get("source", league.SYSTEM if fast else "both")
    found: list[league.Member] = []
    if source != league.SYSTEM or league.is_narrowed(pool):
        found += league.own(api.rows, owner, game.spec.name, pool)
    if source != "own" and not league.is_narrowed(pool):
        found += league.system(game, api.server.plugins, fast=fast)
    found = league.within(found, *band)
    if not found:
        told = (
            f"no opponent of {game.ref} fits: of your own, those play that were evaluated; leave out opponent_ fields"
        )
        raise replies.conflict(told, "NO_OPPONENTS")
    return found


def _game(api: Api, wish: Wish) -> tuple[ChosenGame, GameSpec]:
    if wish.game is not None:
        spec = api.catalog.find(wish.game)
        return _chosen(api, spec, wish), spec
    fitting = [spec for spec in api.catalog.tagged(wish.tags) if _could(spec, wish)]
    if not fitting:
        what = f"game with the tags {', '.join(wish.tags)[:200]} for so many players"
        raise replies.not_found(what)
    spec = seeding.stream(seeding.fresh_seed()).choice(fitting)
    return _chosen(api, spec, wish), spec


def _could(spec: GameSpec, wish: Wish) -> bool:
    players = spec.default_seats if wish.players is None else wish.players
    return spec.min_seats <= players <= spec.max_seats and wish.opponents < players


def _chosen(api: Api, spec: GameSpec, wish: Wish) -> ChosenGame:
    config: dict[str, Any] = {}
    if wish.difficulty is not None:
        if DIFFICULTY not in spec.config:
            raise RefusedError(400, "DIFFICULTY_UNSUPPORTED", f"{spec.name} has no difficulty", field=DIFFICULTY)
        whole = spec.config[DIFFICULTY].get("type") == "integer"
        config[DIFFICULTY] = int(wish.difficulty) if whole else wish.difficulty
    seats = spec.default_seats if wish.players is None else wish.players
    try:
        return api.catalog.chosen(spec, seats, config)
    except UsageError as error:
        raise replies.invalid(str(error)) from error


def _seats(seats: int, opponents: int, seed: int) -> tuple[list[int], list[int]]:
    """Return the policy's seats and the others: drawn by the seed, so that every seat is trained in."""
    order = list(range(seats))
    if opponents:
        seeding.stream(seed, "seats").shuffle(order)
    return sorted(order[opponents:]), sorted(order[:opponents])


def _band(wish: Wish, run: Mapping[str, Any]) -> tuple[float, float]:
    low, high = wish.band
    if low is None and high is None and run["auto_curriculum"]:
        middle = 0.5 if run["win_rate"] is None else run["win_rate"]
        return max(0.0, middle - run["band_width"]), min(1.0, middle + run["band_width"])
    return 0.0 if low is None else low, 1.0 if high is None else high
