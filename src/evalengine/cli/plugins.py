"""`evalengine plugins`: list plugins and what they registered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from evalengine.cli import settings
from evalengine.cli.text import table

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = ("raters", "pairings", "reporters")


@click.command("plugins")
@settings.format_option("table", "json")
@settings.plugin_options
def command(form: str, wanted: Sequence[str]) -> None:
    """List plugins, what is registered, and what was left out."""
    plugs = settings.load_plugins(wanted)
    known = {"games": list(plugs.games()), "agents": list(plugs.agents())}
    known |= {kind: list(plugs.listed(kind)) for kind in KINDS}
    broken = {item.name: item.reason for item in plugs.broken}
    if form == "json":
        click.echo(json.dumps({"plugins": plugs.names, "registered": known, "left_out": broken}, indent=2))
        return
    click.echo(
        table(
            ("plugin", "version", "hooks"),
            [(*item, ", ".join(plugs.hooks_of(item[0]))) for item in plugs.names.items()],
        )
    )
    for kind, names in known.items():
        shown = ", ".join(names[:12]) + (f" ... ({len(names)})" if len(names) > 12 else "")  # noqa: PLR2004 - a line's worth
        click.echo(f"{kind}: {shown}")
