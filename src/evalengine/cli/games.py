"""`evalengine games`: list the games that can be played."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from evalengine.cli import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.model import GameSpec


@click.command("games", cls=settings.Command)
@click.argument("expression", required=False, metavar="[EXPR]")
@settings.format_option("table", "json")
@settings.plugin_options
def command(expression: str | None, form: str, wanted: Sequence[str]) -> None:
    """List the games that can be played.

    EXPR selects by names and tags, as --games does: evalengine games "cards or multiplayer".
    """
    import json

    from evalengine import planning
    from evalengine.cli import text

    listed = planning.select_games(expression, settings.load_plugins(wanted))
    records = [_record(spec) for spec in listed]
    if form == "json":
        text.out(json.dumps(records, indent=2))
        return
    rows = [(record["name"], _seats(record), _told(record)) for record in records]
    text.out(text.table(("game", "seats", "what it is (its tags)"), rows))


def _record(spec: GameSpec) -> dict[str, Any]:
    from evalengine import plugins

    return {
        "name": spec.name,
        "version": spec.version,
        "tags": list(plugins.tags_of(spec)),
        "min_seats": spec.min_seats,
        "max_seats": spec.max_seats,
        "max_turns": spec.max_turns,
        "doc": spec.doc,
        "config": {name: dict(schema) for name, schema in spec.config.items()},
    }


def _seats(record: dict[str, Any]) -> str:
    low, high = record["min_seats"], record["max_seats"]
    return str(low) if low == high else f"{low}-{high}"


def _told(record: dict[str, Any]) -> str:
    return f"{record['doc'].partition(chr(10))[0]} ({', '.join(record['tags'])})"
