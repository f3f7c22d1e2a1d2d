"""The rows of the table, and `pettingzoo:make`, as GameSpecs."""

from __future__ import annotations

import functools
import importlib.util
from importlib import metadata
from typing import Any

from evalengine import GameSpec
from evalengine_pettingzoo.table import ENVIRONMENTS, Row

PREFIX = "pettingzoo:"
MAKE = "make"
_ADAPTER = 1  # goes up when this plugin makes recorded matches replay differently
_OPTIONS = {"type": "object", "default": {}, "description": "keyword arguments of the environment, as a dict"}


def specs() -> list[GameSpec]:
    """Return all environments of the table, and the one that takes anybody's."""
    return [*(_spec(name, row) for name, row in ENVIRONMENTS.items()), _make()]


@functools.cache
def version(package: str = "pettingzoo") -> str:
    """Return the version of a game: that of the package that its environment is in, and this plugin's own."""
    try:
        return f"{metadata.version(package)}+{_ADAPTER}"
    except metadata.PackageNotFoundError:
        return f"0+{_ADAPTER}"


def _spec(name: str, row: Row) -> GameSpec:
    return GameSpec(
        name=PREFIX + name,
        version=version("mpe2" if name.startswith("mpe2/") else "pettingzoo"),
        doc=f"{row.doc}\nAn action is {row.actions}.\nThe view has PettingZoo's own observation as 'observation'.",
        factory=f"evalengine_pettingzoo.game:{name}",
        config={"options": _OPTIONS},
        branching="same-luck" if row.fields.get("chance") else "full",
        # Others are known by name, and say what to install: a run of all games does not trip over them.
        listed=all(map(_installed, row.needs)),
        tags=("pettingzoo", *row.tags),
        **row.fields,
    )


@functools.cache
def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _choice(default: str, *others: str, description: str) -> dict[str, Any]:
    return {"type": "string", "default": default, "enum": [default, *others], "description": description}


def _make() -> GameSpec:
    return GameSpec(
        name=PREFIX + MAKE,
        version=version(),
        doc="An environment of one's own, made by env='package.module:function' or env='file.py:function'.\n"
        "An action is what its action space holds; arrays as lists.\n"
        "The view has the environment's own observation as 'observation'.",
        factory=f"evalengine_pettingzoo.game:{MAKE}",
        config={
            "env": {
                "type": "string",
                "default": "",
                "description": "what makes it: package.module:function or file.py:function",
            },
            "options": _OPTIONS,
            "max_turns": {"type": "integer", "default": 1000, "minimum": 1, "description": "turns after which it ends"},
            "min_score": {"type": "number", "default": -1.0, "description": "the lowest sum of rewards of a seat"},
            "max_score": {"type": "number", "default": 1.0, "description": "the highest sum of rewards of a seat"},
            "utility": _choice(
                "general", "zero", "constant", "identical", description="how the scores of the seats hang together"
            ),
            "information": _choice("hidden", "perfect", description="what seats see of the state"),
        },
        max_turns=1000,
        dynamics="sequential",
        information="hidden",
        chance=True,
        utility="general",
        branching="same-luck",
        listed=False,
        tags=("pettingzoo",),
    )
