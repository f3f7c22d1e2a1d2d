"""`evalengine agents`: list the bundled agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from evalengine.cli import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.model import AgentSpec

_YOURS = """
Your own: bot.py, bot.py:Class, a folder or zip with agent.py or main.py,
'cmd:PROGRAM ARGS' for a program in any language (JSON lines; 'plain:' words),
'uci:ENGINE?nodes=200&Hash=16', 'xboard:ENGINE' or 'gtp:ENGINE ARGS' for an engine,
http://... for a web endpoint, 'llm:MODEL@BASE_URL' for a language model,
or NAME=REF for any of these."""


@click.command("agents", cls=settings.Command)
@settings.format_option("table", "json")
@settings.plugin_options
def command(form: str, wanted: Sequence[str]) -> None:
    """List the bundled agents; any file, folder, zip, program, engine, URL or language model can play as well."""
    import json

    from evalengine.cli import text

    listed = settings.load_plugins(wanted).agents().values()
    if form == "json":
        text.out(json.dumps([_record(agent) for agent in listed], indent=2))
        return
    text.out(text.table(("agent", "what it does"), [(_call(agent), _told(agent)) for agent in listed]))
    text.out(_YOURS)


def _call(agent: AgentSpec) -> str:
    inner = ", ".join(f"{name}={schema['default']}" for name, schema in agent.parameters.items())
    return f"{agent.name}({inner})" if inner else agent.name


def _told(agent: AgentSpec) -> str:
    doc = agent.doc.partition("\n")[0]
    return f"{doc} Plays: {agent.fits}" if agent.fits else doc


def _record(agent: AgentSpec) -> dict[str, Any]:
    return {
        "name": agent.name,
        "doc": agent.doc,
        "fits": agent.fits,
        "opponent": agent.opponent,
        "parameters": {name: dict(schema) for name, schema in agent.parameters.items()},
    }
