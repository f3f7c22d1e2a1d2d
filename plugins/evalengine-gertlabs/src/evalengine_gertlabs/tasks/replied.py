"""The answer in a model's reply: of the last JSON object that has one, whatever is written around it."""

from __future__ import annotations

import json
import re
from typing import Any

ANSWER = "answer"
_TRIES = 200  # brackets at which an object may begin
_LONGEST = 100_000  # characters, of the end of a reply, in which it is looked for
_FENCE = "```"


def answer_of(reply: str) -> Any:
    """Return the answer of a reply.

    Raises:
        ValueError: there is none.
    """
    end = reply[-_LONGEST:]
    fenced = end.split(_FENCE)[1:-1:2]  # no expression: what lies between two fences, however long it is
    for text in (*fenced[::-1], end):
        for value in _values(text):
            found = value[0] if isinstance(value, list) and len(value) == 1 else value
            if isinstance(found, dict) and ANSWER in found:
                return found[ANSWER]
    msg = f'no JSON object with the key "{ANSWER}"'
    raise ValueError(msg)


def _values(text: str) -> list[Any]:
    """Return the JSON values in a text, outermost ones only, the last first."""
    decoder = json.JSONDecoder(parse_constant=_no_number)
    found, place = [], 0
    starts = [match.start() for match in re.finditer(r"[\[{]", text)]
    for start in starts[:_TRIES] if len(starts) <= _TRIES else starts[-_TRIES:]:
        if start < place:
            continue
        try:
            value, place = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        found.append(value)
    return found[::-1]


def _no_number(text: str) -> None:
    msg = f"{text} is no number"
    raise ValueError(msg)
