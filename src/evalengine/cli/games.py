"""`evalengine games`: list the games that can be played."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from evalengine import planning, plugins
from evalengine.cli import settings
from evalengine.cli.text import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.model import GameSpec


@click.command("games")
@click.argument("expression", required=False, metavar="[EXPR]")
@settings.format_option("table", "json")
@settings.plugin_options
def command(expression: str | None, form: str, wanted: Sequence[str]) -> None:
    """List the games that can be played.

    EXPR selects by names and tags, as --games does: evalengine games "cards or multiplayer".
    """
    plugs = settings.load_plugins(wanted)
    listed = planning.select_games(expression, plugs)
    if form == "json":
        click.echo(json.dumps([_record(spec) for spec in listed], indent=2))
        return
    rows = [(spec.name, _seats(spec), ", ".join(plugins.tags_of(spec)), spec.doc.partition("\n")[0]) for spec in listed]
    click.echo(table(("game", "seats", "tags", ""), rows))


def _seats(spec: GameSpec) -> str:
    return str(spec.min_seats) if spec.min_seats == spec.max_seats else f"{spec.min_seats}-{spec.max_seats}"


def _record(spec: GameSpec) -> dict[str, Any]:
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
