"""From a model's answer to an action: strictly by its last line, else by JSON, else by the only action it names."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import FaultKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LINE = re.compile(r"^[ \t>*_`#]*action[ \t*_`]*[:=](?P<value>.+)$", re.IGNORECASE | re.MULTILINE)
_BEGUN = re.compile(r"[:=][\s`*]*(?:json\b)?\s*(?=[\[{])")
_NUMBER = re.compile(r"\[(\d+)\]")
_AROUND = " \t\r*_`\"'.,;"
_LONGEST = 60  # of what is quoted
_READ = 1 << 16  # characters: an action stands at the end


class Chosen(NamedTuple):
    """The action that an answer names."""

    action: Any


class Refused(NamedTuple):
    """Why an answer cannot be taken, for the model to read."""

    kind: FaultKind  # illegal, or protocol where no action could be found
    reason: str


def read(answer: str, legal: Sequence[Any], texts: Sequence[str]) -> Chosen | Refused:
    """Return the legal action that an answer names.

    Args:
        texts: the actions of `legal` as people write them.
    """
    answer = _conclusion(answer)
    if not answer:
        return Refused(FaultKind.PROTOCOL, "Your answer was empty.")
    named = _named(answer)
    if named is None:
        only = {place for place, text in enumerate(texts) if _mentions(answer, text)}
        if len(only) == 1:
            return Chosen(legal[only.pop()])
        return Refused(FaultKind.PROTOCOL, "Your answer has no line 'ACTION: ...'.")
    place = _place(named, legal, texts)
    if place is None:
        return Refused(FaultKind.ILLEGAL, f"{str(named)[:_LONGEST]!r} is not one of your legal actions.")
    return Chosen(legal[place])


def read_unlisted(answer: str) -> Chosen | Refused:
    """Return the action, any JSON value, of a game that cannot list its actions."""
    answer = _conclusion(answer)
    named = _named(answer)
    if named is None:
        return Refused(FaultKind.PROTOCOL, "Your answer has no line 'ACTION: ...'.")
    if not isinstance(named, str):
        return Chosen(named)
    try:
        return Chosen(json.loads(named.strip("`* ")))
    except (ValueError, RecursionError):
        return Chosen(_several_lines(answer) or named)


def _several_lines(answer: str) -> Any:
    """Return the JSON list or object that the last line "ACTION: x" begins, and which goes on below it; else None."""
    match = _BEGUN.search(answer, [line.start() for line in _LINE.finditer(answer)][-1])
    try:
        return None if match is None else json.JSONDecoder().raw_decode(answer, match.end())[0]
    except (ValueError, RecursionError):
        return None


def _conclusion(answer: str) -> str:
    """Return what stands after a model's thoughts, where it shows them."""
    return answer[-_READ:].rpartition("</think>")[2].partition("<think>")[0].strip()


def _named(answer: str) -> Any:
    """Return what the last line "ACTION: x" says, else what the last JSON object says; None without either."""
    lines = _LINE.findall(answer)
    if lines:
        value: str = lines[-1]
        return value.strip()
    found = [value["action"] for value in _objects(answer) if "action" in value]
    return found[-1] if found else None


def _objects(answer: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in a text."""
    decoder, place = json.JSONDecoder(), answer.find("{")
    while place >= 0:
        end = place + 1
        try:
            value, end = decoder.raw_decode(answer, place)
            yield value
        except (ValueError, RecursionError):
            pass
        place = answer.find("{", end)


def _place(named: Any, legal: Sequence[Any], texts: Sequence[str]) -> int | None:
    """Return where the legal action stands that was named by its text, its number in brackets or its value."""
    if not isinstance(named, str):
        same = [place for place, action in enumerate(legal) if type(action) is type(named) and action == named]
        return same[0] if same else _place(json.dumps(named), legal, texts)
    folded = [text.casefold() for text in texts]
    bare = named.strip(_AROUND)
    for said in (named, bare, *bare.split(maxsplit=1)[:1]):  # the last: what stands before an explanation
        for known, wanted in ((texts, said), (folded, said.casefold())):
            if known.count(wanted) == 1:
                return known.index(wanted)
    return _numbered(bare, texts)


def _numbered(named: str, texts: Sequence[str]) -> int | None:
    bracket = _NUMBER.match(named)
    if bracket is not None and 1 <= int(bracket[1]) <= len(texts):
        return int(bracket[1]) - 1
    # A bare number is taken for a place only where it cannot be meant as an action's own text.
    if named.isdecimal() and len(named) < 9 and not any(text.isdecimal() for text in texts):  # noqa: PLR2004 - digits
        return int(named) - 1 if 1 <= int(named) <= len(texts) else None
    return None


def _mentions(answer: str, text: str) -> bool:
    return bool(text) and re.search(rf"(?<!\w){re.escape(text)}(?!\w)", answer) is not None
