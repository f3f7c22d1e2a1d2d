"""The bundled pairings as data: listing them imports none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine import PluginSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

_HOME = "evalengine.builtin"
_WEIGHTINGS = ["squared", "linear", "capped", "variance"]
PAIRINGS = (
    PluginSpec(
        name="round-robin",
        factory=f"{_HOME}.round_robin:RoundRobin",
        doc="Every cell plays alike, in whole rotations.",
    ),
    PluginSpec(
        name="gauntlet",
        factory=f"{_HOME}.gauntlet:Gauntlet",
        doc="The first agent, or the first challengers=K, against all others.",
        parameters={"challengers": {"type": "integer", "minimum": 1, "default": 1}},
    ),
    PluginSpec(
        name="swiss",
        factory=f"{_HOME}.swiss:Swiss",
        doc="Rounds of agents with about the same score, nobody twice while avoidable.",
    ),
    PluginSpec(
        name="knockout",
        factory=f"{_HOME}.knockout:Knockout",
        doc="Who loses a tie is out; even ties are replayed.",
        parameters={"replays": {"type": "integer", "minimum": 0, "maximum": 100, "default": 1}},
    ),
    PluginSpec(name="ladder", factory=f"{_HOME}.ladder:Ladder", doc="Neighbours of the board, any number of sides."),
    PluginSpec(
        name="active",
        factory=f"{_HOME}.active:Active",
        doc="Rounds of the pairs whose results tell most.",
    ),
    PluginSpec(
        name="contested",
        factory=f"{_HOME}.contested:Contested",
        doc="Rounds of those whose place in the best top=K is not yet clear; for --until.",
        parameters={
            "top": {"type": "integer", "minimum": 1, "default": 1},
            "margin": {"type": "number", "minimum": 0, "default": 0.0},
        },
    ),
    PluginSpec(
        name="pfsp",
        factory=f"{_HOME}.pfsp:Pfsp",
        doc="Learners against the opponents that beat them, drawn as in AlphaStar's league.",
        parameters={
            "learners": {"type": "integer", "minimum": 0, "default": 0},
            "weighting": {"type": "string", "enum": _WEIGHTINGS, "default": "squared"},
        },
    ),
)


@hookimpl
def evalengine_pairings() -> Sequence[PluginSpec]:
    """List the bundled pairings."""
    return PAIRINGS
