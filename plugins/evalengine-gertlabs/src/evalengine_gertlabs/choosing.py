"""Names of games that strangers type: looked up among those that are listed, never taken for anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine.plugins import tags_of
from evalengine_gertlabs import replies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine import GameSpec
    from evalengine_gertlabs.fields import Fields


def game(name: str, games: Mapping[str, GameSpec]) -> GameSpec:
    """Return the game of a name.

    Raises:
        RefusedError: 404, there is none.
    """
    if name not in games:
        what = f"game {name[:80]!r}: GET /games lists them"
        raise replies.not_found(what)
    return games[name]


def of_tags(tags: Sequence[str], games: Mapping[str, GameSpec]) -> list[str]:
    """Return the listed games that bear all of some tags, sorted.

    Raises:
        RefusedError: 404, there is none.
    """
    found = sorted(name for name, spec in games.items() if spec.listed and {*tags} <= {*tags_of(spec)})
    if not found:
        what = f"game with the tags {', '.join(tag[:40] for tag in tags)}: GET /tags lists tags"
        raise replies.not_found(what)
    return found


def selected(body: Fields, games: Mapping[str, GameSpec], *, needed: bool) -> list[str] | None:
    """Return the games that a request selects, None when it selects none and need not.

    Raises:
        RefusedError: 400, it selects them in several ways, or must and does not; 404: there is no such game.
    """
    ways = [name for name in ("game_slug", "game_slugs", "game_tags", "tags") if name in body]
    if len(ways) > 1 or (needed and not ways):
        msg = "name the games by exactly one of game_slug, game_slugs and game_tags"
        raise replies.invalid(msg)
    if not ways:
        return None
    if ways == ["game_slug"]:
        return [game(body.text("game_slug"), games).name]
    names: Any = body.texts(ways[0])
    if not names:
        msg = f"{ways[0]} is empty"
        raise replies.invalid(msg, ways[0])
    if ways == ["game_slugs"]:
        return list(dict.fromkeys(game(name, games).name for name in names))
    return of_tags(names, games)
