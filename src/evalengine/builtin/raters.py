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
        doc="TrueSkill by places: mu and sigma, teams and free-for-all.",
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
    PluginSpec(
        name="glicko",
        factory="evalengine.builtin.glicko:Glicko",
        doc="Glicko by places, two sides, in periods of 100 matches.",
    ),
    PluginSpec(
        name="glicko2",
        factory="evalengine.builtin.glicko:Glicko2",
        doc="Glicko-2 by places, two sides, in periods of 100 matches.",
    ),
    PluginSpec(
        name="alpharank",
        factory="evalengine.builtin.payoffs:AlphaRank",
        doc="Alpha-Rank of wins less losses, where agents beat each other in circles.",
    ),
    PluginSpec(
        name="nash",
        factory="evalengine.builtin.payoffs:Nash",
        doc="Nash averaging of wins less losses, where agents beat each other in circles.",
    ),
    PluginSpec(
        name="openskill",
        factory="evalengine.builtin.openskill_rater:OpenSkill",
        doc="The models of the package openskill: teams and free-for-all.",
    ),
    PluginSpec(
        name="evalica",
        factory="evalengine.builtin.evalica_rater:Evalica",
        doc="The rankings of the package evalica, of all results at once.",
    ),
)


@hookimpl
def evalengine_raters() -> Sequence[PluginSpec]:
    """List the bundled raters."""
    return RATERS
