"""The bundled raters as data: listing them imports none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine import PluginSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

RATERS = (
    PluginSpec(
        name="trueskill",
        factory="evalengine.builtin.trueskill:TrueSkill",
        doc="TrueSkill by places: mu and sigma, two sides or free-for-all.",
    ),
    PluginSpec(
        name="elo",
        factory="evalengine.builtin.elo:Elo",
        doc="Elo by places: two sides; of n sides the average over all pairs.",
    ),
    PluginSpec(
        name="mean",
        factory="evalengine.builtin.mean:Mean",
        doc="The mean score with its 95% interval.",
    ),
    PluginSpec(
        name="bt",
        factory="evalengine.builtin.bradley_terry:BradleyTerry",
        doc="Bradley-Terry by places, fitted to all results at once: two sides, 95% intervals.",
    ),
    PluginSpec(
        name="plackett-luce",
        factory="evalengine.builtin.plackett_luce:PlackettLuce",
        doc="Plackett-Luce by places, fitted to all results at once: free-for-all, 95% intervals.",
    ),
    PluginSpec(
        name="pooled",
        factory="evalengine.builtin.plackett_luce:Pooled",
        doc="One scale over several games, each of which weighs the same.",
    ),
)


@hookimpl
def evalengine_raters() -> Sequence[PluginSpec]:
    """List the bundled raters."""
    return RATERS
