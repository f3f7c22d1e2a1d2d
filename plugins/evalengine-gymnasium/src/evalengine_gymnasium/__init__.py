"""Gymnasium environments as games of one seat, `gymnasium:NAME`. Listing them does not import gymnasium."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine import AgentSpec, hookimpl
from evalengine_gymnasium.listing import specs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import GameSpec

__all__ = ["evalengine_agents", "evalengine_games"]


@hookimpl
def evalengine_games() -> Sequence[GameSpec]:
    """List the games: Gymnasium's own without further libraries, and `make` for all others."""
    return specs()


@hookimpl
def evalengine_agents() -> Sequence[AgentSpec]:
    """List the agent that samples the space of actions, whatever it is."""
    return [
        AgentSpec(
            name="gymnasium-random",
            version="1",
            doc="Samples the environment's space of actions, whether it can be listed or not.",
            factory="evalengine_gymnasium.agent:Sampler",
            fits="gymnasium",
        )
    ]
