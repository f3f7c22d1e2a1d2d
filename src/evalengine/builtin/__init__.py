"""Bundled agents, pairings, raters, sandboxes, reporters, exporters; they use evalengine's public names only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine import AgentSpec, PluginSpec, hookimpl
from evalengine.builtin.agents import evalengine_agents
from evalengine.builtin.exporters import evalengine_exporters
from evalengine.builtin.files import load_file
from evalengine.builtin.jobs import evalengine_jobs
from evalengine.builtin.pairings import evalengine_pairings
from evalengine.builtin.raters import evalengine_raters
from evalengine.builtin.remote import load_remote

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "evalengine_agents",
    "evalengine_exporters",
    "evalengine_jobs",
    "evalengine_load_agent",
    "evalengine_pairings",
    "evalengine_raters",
    "evalengine_reporters",
    "evalengine_sandboxes",
]


_LOADERS = (load_remote, load_file)  # the first that knows a reference; files know all that looks like a path


@hookimpl
def evalengine_load_agent(ref: str) -> AgentSpec | None:
    """Return the agent of a file, a program, a URL or a model."""
    return next((spec for load in _LOADERS if (spec := load(ref)) is not None), None)


@hookimpl
def evalengine_sandboxes() -> Sequence[PluginSpec]:
    """List the bundled sandboxes."""
    home = "evalengine.builtin.sandboxes"
    return [
        PluginSpec(name="namespaces", factory=f"{home}:Namespaces", doc="Sees nothing of this machine but its own."),
        PluginSpec(name="landlock", factory=f"{home}:Landlock", doc="Files by Landlock, the rest by system calls."),
        PluginSpec(name="none", factory=f"{home}:Uncontained", doc="Contains nothing: for code that you trust."),
    ]


@hookimpl
def evalengine_reporters() -> Sequence[PluginSpec]:
    """List the bundled reporters."""
    home = "evalengine.builtin.reporters"
    return [
        PluginSpec(name="table", factory=f"{home}:Table", doc="The board for people."),
        PluginSpec(name="json", factory=f"{home}:Json", doc="One object for programs."),
        PluginSpec(name="csv", factory=f"{home}:Csv", doc="One line an agent, with a header."),
    ]
