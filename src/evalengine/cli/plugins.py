"""`evalengine plugins`: list plugins and what they registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from evalengine.cli import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = ("raters", "pairings", "reporters", "exporters")
_SHOWN = 12  # names of a kind; more are counted


@click.command("plugins", cls=settings.Command)
@settings.format_option("table", "json")
@settings.plugin_options
def command(form: str, wanted: Sequence[str]) -> None:
    """List plugins, what is registered, and what was left out."""
    import json

    from evalengine.cli import text

    plugs = settings.load_plugins(wanted)
    known = {"games": list(plugs.games()), "agents": list(plugs.agents())}
    known |= {kind: list(plugs.listed(kind)) for kind in KINDS}
    known["jobs"] = list(plugs.job_kinds())
    broken = {item.name: item.reason for item in plugs.broken}
    if form == "json":
        text.out(json.dumps({"plugins": plugs.names, "registered": known, "left_out": broken}, indent=2))
        return
    hooks = {name: ", ".join(hook.removeprefix("evalengine_") for hook in plugs.hooks_of(name)) for name in plugs.names}
    rows = [(name, version, hooks[name]) for name, version in plugs.names.items()]
    text.out(text.table(("plugin", "version", "hooks"), rows) + "\n")
    text.out(text.table(("registered", ""), [(kind, _some(names)) for kind, names in known.items()]))


def _some(names: Sequence[str]) -> str:
    more = f" ... ({len(names)})" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
