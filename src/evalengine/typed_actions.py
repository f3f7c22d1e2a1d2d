"""Actions as people type them: by their names, by numbers in a list, or as values."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalengine.contracts import Game


def named(game: Game, legal: Sequence[Any] | None) -> dict[str, Any]:
    """Return the actions by what a person types: their text; where no text is a number, theirs in the list, too."""
    if legal is None:
        return {}
    texts = [game.action_to_str(action).strip() for action in legal]
    found: dict[str, Any] = {}
    for text, action in zip(texts, legal, strict=True):
        found.setdefault(text, action)
    if not any(text.isdecimal() for text in texts):
        found |= {str(number): action for number, action in enumerate(legal, 1)}
    return found


def understood(game: Game, text: str, legal: Sequence[Any] | None, choices: Mapping[str, Any]) -> tuple[bool, Any]:
    """Say whether a text is an action, and return that; it may be one that the game refuses.

    Args:
        choices: what `named` returned.
    """
    if text in choices:
        return True, choices[text]
    alike = {name: action for name, action in choices.items() if name.lower() == text.lower()}
    if len(alike) == 1:
        return True, next(iter(alike.values()))
    if not text:
        return False, None
    if legal is not None:  # the game may take more than it lists
        action = game.action_from_str(text)
        return (True, action) if action is not None else _json(text)
    try:  # the game cannot list its actions: a value as Python writes it, else the text
        return True, ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return True, text


def _json(text: str) -> tuple[bool, Any]:
    """Say whether a text is a list or an object of JSON, as models are told to write actions, and return that."""
    if not text.startswith(("[", "{")):
        return False, None
    try:
        return True, json.loads(text)
    except (ValueError, RecursionError):
        return False, None
