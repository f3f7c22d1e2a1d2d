"""What a seat is shown, and what it answers: positions of live matches as this API writes them, and payloads back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from evalengine.builtin.llm.prompt import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.live.values import Position

ACTIONS, FEEDBACK = "_action_space", "_rejection_feedback"
_WRAPPED = "action"


def seen(view: Any, legal: Sequence[Any] | None, feedback: str = "") -> dict[str, Any]:
    """Return what a seat is asked as one object."""
    found = dict(view) if isinstance(view, dict) else {"view": view}
    found[ACTIONS] = None if legal is None else list(legal)
    if feedback:
        found[FEEDBACK] = feedback
    return found


def observation(position: Position, feedback: str = "") -> dict[str, Any] | None:
    """Return what the seat of a position is asked, None when it is not."""
    asked = position.question
    return None if asked is None else seen(asked.view, asked.legal, feedback)


def action_of(payload: Any, legal: Sequence[Any] | None) -> Any:
    """Return the action that a payload means where these are legal.

    Actions that are lists travel as they are, a single object as a list of it. Of others, a list of one is that one,
    and `{"action": 4}` is 4, since models are told to answer with lists of objects.
    """
    if not legal:
        return payload
    if isinstance(legal[0], list):
        return [payload] if isinstance(payload, dict) else payload
    found = payload[0] if isinstance(payload, list) and len(payload) == 1 else payload
    wrapped = isinstance(found, dict) and found.keys() == {_WRAPPED} and not isinstance(legal[0], dict)
    return found[_WRAPPED] if wrapped else found


def player_id(seat: int) -> str:
    """Return how clients call a seat."""
    return f"player_{seat}"


def seat_of(player: Any) -> int | None:
    """Return the seat that a client calls so, None when it is none."""
    if not isinstance(player, str) or not player.startswith("player_"):
        return None
    number = player.removeprefix("player_")
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 4 else None  # noqa: PLR2004 - digits


def by_player(values: Sequence[Any] | None) -> dict[str, Any]:
    """Return values of seats by player."""
    return {player_id(seat): value for seat, value in enumerate(values or ())}


def written(message: Any) -> str:
    """Return a message as JSON; what games show that JSON does not know, as text."""
    try:
        return json.dumps(message, separators=(",", ":"), default=plain, allow_nan=False)
    except ValueError:  # infinities and the like in a view
        return json.dumps(json.loads(json.dumps(message, default=plain), parse_constant=str), separators=(",", ":"))
