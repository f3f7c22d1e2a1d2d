"""The rows of the table as GameSpecs."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from evalengine import GameSpec
from evalengine_openspiel.fields import TEAMS
from evalengine_openspiel.table import GAMES

PREFIX = "openspiel:"
_ADAPTER = 1  # goes up when this plugin makes recorded matches replay differently


def specs() -> list[GameSpec]:
    """Return the listed games, by name."""
    version = f"{metadata.version('open_spiel')}+{_ADAPTER}"
    return [_spec(name, version, row) for name, row in GAMES.items()]


def _spec(name: str, version: str, row: dict[str, Any]) -> GameSpec:
    fields = row["fields"]
    return GameSpec(
        name=PREFIX + name,
        version=version,
        doc=_doc(row),
        factory=f"evalengine_openspiel.game:{name}",
        config=row["config"],
        teams=name in TEAMS,
        sample=row["samples"],
        # Without luck, two deterministic agents would play one and the same match again and again.
        opening_turns=2 if _same_each_time(fields) else 0,
        tags=tuple(row["tags"]),
        **fields,
    )


def _same_each_time(fields: dict[str, Any]) -> bool:
    return not fields["chance"] and fields["dynamics"] == "sequential" and fields["utility"] == "zero"


def _doc(row: dict[str, Any]) -> str:
    return (
        f"{row['title']}: {row['rules']}\n"
        f"An action is a number from 0 to {row['actions'] - 1}.\n"
        f"The view has OpenSpiel's own text as 'string'{_TENSOR if row['tensor'] else ''}."
    )


_TENSOR = " and the same as numbers in 'tensor'"
