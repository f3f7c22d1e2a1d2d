"""The kinds of jobs that come with the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine import JobKind, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HOME = "evalengine.web"
_EVALUATE: Mapping[str, Mapping[str, Any]] = {
    "games": {"type": "string", "description": "an expression over names and tags: 'strategy and not hex'"},
    "agents": {"type": "array", "default": [], "description": "references"},
    "opponents": {"type": "string", "default": "", "description": "bundled, none, or references with commas"},
    "matches": {"type": "integer", "default": None, "minimum": 1, "maximum": 1 << 40},
    "rounds": {"type": "integer", "default": None, "minimum": 1, "maximum": 1 << 20},
    "seed": {"type": "integer", "default": None, "minimum": 0, "maximum": (1 << 63) - 1},
    "rater": {"type": "string", "default": None},
    "anchors": {"type": "object", "default": {}, "description": "ratings by agents' names"},
    "pairing": {"type": "string", "default": "round-robin"},
    "opening": {"type": "string", "default": ""},
    "sprt": {"type": "string", "default": ""},
    "until": {"type": "string", "default": ""},
    "limits": {"type": "object", "default": {}, "description": "of agents from outside: turn_s, memory_mib, ..."},
    "isolation": {"type": "string", "default": "match", "enum": ["match", "run"]},
    "broken": {"type": "string", "default": "", "enum": ["", "forfeit", "refuse"]},
    "select": {"type": "string", "default": "", "description": "only matches whose id holds these words"},
}
_LIST = {"type": "array", "default": []}
_EXPORT: Mapping[str, Mapping[str, Any]] = {
    "format": {"type": "string", "description": "of evalengine export: csv, parquet, pgn, ..."},
    "runs": _LIST | {"description": "numbers; none: as evalengine export chooses"},
    "games": _LIST,
    "tags": _LIST,
    "agents": _LIST,
    "best": {"type": "number", "default": None, "minimum": 0, "maximum": 100, "description": "percent of the agents"},
    "anonymous": {"type": "boolean", "default": False},
    "split": {"type": "string", "default": "", "description": "0.8,0.1,0.1"},
    "split_by": {"type": "string", "default": "game", "enum": ["game", "agent"]},
    "tables": _LIST | {"description": "matches, steps, ratings, agents, standings, runs"},
}


@hookimpl
def evalengine_jobs() -> Sequence[JobKind]:
    """List the bundled kinds of jobs."""
    return [
        JobKind(
            name="evaluate",
            factory=f"{_HOME}.evaluating:evaluate",
            doc="A run, as evalengine run plays it; its result is the summary that --format json prints.",
            parameters=_EVALUATE,
            check=f"{_HOME}.evaluating:check",
        ),
        JobKind(
            name="export",
            factory=f"{_HOME}.exporting:write",
            doc="Stored runs as one file, as evalengine export writes it; several are packed into a zip.",
            parameters=_EXPORT,
            scope="admin",  # it reads everybody's matches
            check=f"{_HOME}.exporting:check",
        ),
    ]
