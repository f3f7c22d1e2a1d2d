"""Go for evalengine: the game `go` and an agent for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine import AgentSpec, GameSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["evalengine_agents", "evalengine_games"]

_DOC = (
    "Seats in turn put a stone on an empty point, black (seat 0) first, or pass; two passes in a row end the match.\n"
    "A chain of stones without an empty point beside it is taken off by the stone that filled the last one. Suicide, "
    "and to bring back an earlier position, are not allowed.\n"
    "More area wins: stones, and empty points that reach one colour only; komi is added to white's. All stones on the "
    "board count as alive: take dead ones off before passing.\n"
    "An action is the point, row * size + column from the top left, or size * size to pass."
)
_CONFIG: dict[str, dict[str, Any]] = {
    "size": {
        "type": "integer",
        "default": 9,
        "minimum": 2,
        "maximum": 19,
        "description": "lines of the board; usual are 9, 13 and 19",
    },
    "komi": {
        "type": "number",
        "default": 7.5,
        "minimum": -361,
        "maximum": 361,
        "description": "points for white, a multiple of 0.5; a whole number allows draws",
    },
    "superko": {
        "type": "string",
        "default": "positional",
        "enum": ["positional", "situational"],
        "description": "what may not come again: the stones, or the stones with the same seat to move",
    },
}


@hookimpl
def evalengine_games() -> Sequence[GameSpec]:
    """List Go."""
    return [
        GameSpec(
            name="go",
            version="1",
            doc=_DOC,
            factory="evalengine_go.game:Go",
            config=_CONFIG,
            max_turns=243,
            opening_turns=2,
            tags=("go", "gtp", "board"),
        )
    ]


@hookimpl
def evalengine_agents() -> Sequence[AgentSpec]:
    """List the agent."""
    return [
        AgentSpec(
            name="go-capture",
            version="1",
            doc="Take what can be taken, save what can be saved, spare its own eyes, else play at random.",
            factory="evalengine_go.capture:Capture",
            fits="go",
            opponent=True,
        )
    ]
