"""Between the values of a game and JSON as a training loop writes and reads it: observations and actions."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from evalengine import references
from evalengine.model import Fault, FaultKind
from evalengine_gertlabs import observations

if TYPE_CHECKING:
    from evalengine.contracts import Game, Request

ACTION = "action"
_LONGEST = 20_000  # characters of a text that is read as an action
_SHORT = 100


def observation(request: Request) -> dict[str, Any]:
    """Return what a seat is asked."""
    return observations.seen(request.view, request.legal)


def view(seen: Any) -> dict[str, Any]:
    """Return what a seat sees while it is not asked."""
    return dict(seen) if isinstance(seen, dict) else {"view": seen}


def action_of(game: Game, request: Request, given: Any) -> Any:
    """Return the action that a client means, or a Fault: it is none, or not possible now.

    `4`, `[4]`, `{"action": 4}`, `[{"action": 4}]`, and each of them as a text, which is what the client's own parser
    leaves where it finds no object, mean 4.
    """
    inner = given
    if isinstance(inner, str) and len(inner) <= _LONGEST and _refusal(request, inner) is not None:
        try:
            inner = json.loads(inner)
        except (ValueError, RecursionError):
            return Fault(FaultKind.PROTOCOL.value, f"no action: {_short(given)}")
    legal = request.legal
    reason = "not a legal action"
    for candidate in _meant(game, inner):
        action = observations.action_of(candidate, legal)
        refused = _refusal(request, action)
        if refused is None:
            return action
        reason = refused
    return Fault(FaultKind.ILLEGAL.value, f"{_short(given)}: {reason}"[:500])


def _meant(game: Game, given: Any) -> list[Any]:
    """Return what an answer may stand for, as it is first."""
    found = [given]
    single = given[0] if isinstance(given, list) and len(given) == 1 else given
    if isinstance(single, dict) and ACTION in single:
        found.append(single[ACTION])
    if isinstance(found[-1], str):
        with contextlib.suppress(Exception):  # of a stranger's text it may make anything
            found.append(game.action_from_str(found[-1]))
    return found


def _refusal(request: Request, action: Any) -> str | None:
    """Return why an action is not possible; what a game fails at is no action, and does not cost the episode."""
    try:
        return request.refusal(action)
    except Exception as error:  # noqa: BLE001 - as above
        return f"the game cannot read it: {references.one_line(error)}"


def as_json(value: Any) -> bytes:
    """Return a value as JSON."""
    return observations.written(value).encode()


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 3]}..."
