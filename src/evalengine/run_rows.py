"""What is stored of a run beside its matches: rows of the run, its games and its agents, and the way back."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from evalengine.errors import StoreError
from evalengine.model import AgentSpec, Limits
from evalengine.planning import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalengine.entry import Entry
    from evalengine.planning import ChosenGame


def run_row(entry: Entry, command: str) -> dict[str, Any]:
    """Return the row of a run that begins now; command: what was typed."""
    return {
        "state": "running",
        "kind": (entry.settings.continues or {}).get("kind", entry.settings.kind),
        "parent": (entry.settings.continues or {}).get("run"),
        "command": command,
        "seed": entry.settings.seed,
        "settings": settings_row(entry.settings),
        "versions": dict(entry.versions),
        "sandbox": entry.sandbox,
        "limits": entry.settings.limits._asdict(),
        "started": time.time(),
        "pid": os.getpid(),
    }


def settings_row(settings: Settings) -> dict[str, Any]:
    """Return the settings as a run's row keeps them."""
    row = {name: getattr(settings, name) for name in Settings.__slots__}
    row["limits"] = settings.limits._asdict()
    row["callables"] = len(settings.callables)
    return row


def settings_from(row: Mapping[str, Any]) -> Settings:
    """Return the settings of a stored run.

    Raises:
        StoreError: a newer version stored what this one does not know.
    """
    if unknown := sorted(row.keys() - {*Settings.__slots__}):
        msg = f"the run has settings that this version does not know, {', '.join(unknown)}: take the one it was made by"
        raise StoreError(msg)
    fields = {**row, "limits": Limits(**row["limits"]), "callables": ()}
    for name in ("agents", "deselect", "absent_ok", "bind"):
        fields[name] = tuple(fields.get(name, ()))
    return Settings(**fields)


def game_row(game: ChosenGame) -> dict[str, Any]:
    """Return the row of a game of a run."""
    return {
        "ref": game.ref,
        "name": game.spec.name,
        "version": game.game.spec.version,
        "config": dict(game.config),
        "sides": [list(side) for side in game.sides],
        "spec": {"max_turns": game.game.spec.max_turns, "utility": game.game.spec.utility},
    }


def agent_row(agent: AgentSpec) -> dict[str, Any]:
    """Return the row of an agent of a run."""
    fields = {name: getattr(agent, name) for name in AgentSpec.__slots__ if name not in {"doc", "parameters"}}
    fields["payload"] = agent.payload.hex()
    fields["config"], fields["options"] = dict(agent.config), dict(agent.options)
    fields["limits"] = agent.limits and agent.limits._asdict()
    return {
        "name": agent.name,
        "version": agent.version,
        "kind": agent.kind,
        "pinned": int(agent.pinned),
        "ref": agent.path or agent.factory,
        "spec": fields,
    }


def agent_from(row: Mapping[str, Any]) -> AgentSpec:
    """Return the agent of a stored run, from the `spec` of its row."""
    own = row.get("limits")
    fields = {**row, "payload": bytes.fromhex(row["payload"]), "limits": Limits(**own) if own else None}
    for name in ("argv", "files"):
        fields[name] = tuple(fields[name])
    return AgentSpec(**fields)
