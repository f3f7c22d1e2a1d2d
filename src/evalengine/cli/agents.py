"""`evalengine agents`: list the bundled agents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from evalengine.cli import settings
from evalengine.cli.text import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.model import AgentSpec


@click.command("agents")
@settings.format_option("table", "json")
@settings.plugin_options
def command(form: str, wanted: Sequence[str]) -> None:
    """List the bundled agents; any file, folder, zip or program can play as well."""
    listed = settings.load_plugins(wanted).agents().values()
    if form == "json":
        click.echo(json.dumps([_record(agent) for agent in listed], indent=2))
        return
    rows = [(_call(agent), agent.fits or "every game", agent.doc.partition("\n")[0]) for agent in listed]
    click.echo(table(("agent", "plays", ""), rows))
    click.echo(
        "\nYour own: bot.py, bot.py:Class, a folder or zip with agent.py or main.py, 'cmd:PROGRAM ARGS', NAME=REF"
    )


def _call(agent: AgentSpec) -> str:
    inner = ", ".join(f"{name}={schema['default']:g}" for name, schema in agent.parameters.items())
    return f"{agent.name}({inner})" if inner else agent.name


def _record(agent: AgentSpec) -> dict[str, Any]:
    return {
        "name": agent.name,
        "doc": agent.doc,
        "fits": agent.fits,
        "opponent": agent.opponent,
        "parameters": {name: dict(schema) for name, schema in agent.parameters.items()},
    }
