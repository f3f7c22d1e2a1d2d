"""What a model is told: the rules, what its seat sees, and its legal actions; nothing that is hidden from the seat."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import Info, Observation

Message = dict[str, str]

_TASK = (
    "You play one seat of a game. Each question tells the rules, the position as your seat sees it, and your legal "
    "actions. Choose the action that is best for your seat. Reason briefly if it helps, then end your answer with one "
    "line:\nACTION: the action\nwritten exactly as in the list of legal actions."
)
_SENT_BACK = 8_000  # characters of an answer
_UNLISTED = "The legal actions cannot be listed: write the action as JSON, as the rules describe it."


def question(info: Info, observation: Observation, texts: Sequence[str] | None, show: str) -> list[Message]:
    """Return the messages that ask for an action.

    Args:
        texts: the legal actions as people write them, None when they cannot be listed;
        show: "text" for the game's rendering, "view" for the view as JSON, or "both".
    """
    parts = [rules(info), _seat(info, observation)]
    if show != "view":
        parts.append(f"Position, as your seat sees it:\n{observation.text}")
    if show != "text":
        parts.append(f"The same as data:\n{json.dumps(observation.view, default=plain)}")
    parts.append(_UNLISTED if texts is None else _actions(texts))
    return [{"role": "system", "content": _TASK}, {"role": "user", "content": "\n\n".join(parts)}]


def again(answer: str, reason: str) -> list[Message]:
    """Return the messages that follow an answer which cannot be taken, with the reason."""
    told = f"{reason} End your answer with one line:\nACTION: the action"
    return [{"role": "assistant", "content": answer[-_SENT_BACK:] or "(nothing)"}, {"role": "user", "content": told}]


def rules(info: Info) -> str:
    """Return the rules of a game as every model is told them, whoever asks it."""
    config = "".join(f", {name}={value!r}" for name, value in info.config.items())
    return f"Game: {info.game}{config}\nRules: {info.rules}"


def _seat(info: Info, observation: Observation) -> str:
    mine = next((side for side in info.sides if info.seat in side), (info.seat,))
    team = f" Your side has the seats {', '.join(map(str, mine))}." if len(mine) > 1 else ""
    return (
        f"You have seat {info.seat} of the {info.seats} seats 0 to {info.seats - 1}.{team} "
        f"This is turn {observation.turn}, counted from 0."
    )


def _actions(texts: Sequence[str]) -> str:
    listed = "\n".join(f"[{number}] {text}" for number, text in enumerate(texts, 1))
    return f"Your legal actions, each with its number in brackets:\n{listed}"


def plain(value: Any) -> Any:
    """Return what JSON does not know as lists, numbers or text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)
