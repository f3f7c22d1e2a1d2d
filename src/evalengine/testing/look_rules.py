"""Rules of what is shown: views, text, drawings; and that looking changes nothing."""

from __future__ import annotations

import contextlib
import re
from itertools import chain
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from evalengine.contracts import OBSERVATION_FIELDS, State
from evalengine.testing.rules import rule
from evalengine.testing.subject import Line, differs, packed, shown
from evalengine_host import protocol

if TYPE_CHECKING:
    from evalengine.testing.subject import Subject

_LARGEST = 64 << 10  # bytes of a view: more costs each question several packets
_LARGEST_TEXT = 64 << 10  # characters of a position
_LARGEST_DRAWING = 256 << 10  # characters: reports leave out what is larger
_SVG = "{http://www.w3.org/2000/svg}"
_ACTIVE = frozenset({"script", "foreignobject", "iframe", "object", "embed", "audio", "video", "handler", "listener"})
_INSIDE = re.compile(r"\s*(#|data:image/(png|jpeg|gif|webp)[;,])", re.IGNORECASE)
_OUTSIDE = re.compile(r"url\(\s*['\"]?\s*(?!['\"]?\s*#)|@import|javascript:|expression\(", re.IGNORECASE)


@rule("views")
def views(subject: Subject) -> str:
    """A view comes back from msgpack as it was, at most 64 KiB of it, and hides no field; `entry` says the same."""
    largest = 0
    for line in chain(subject.positions(), subject.ended):
        for seat in range(line.seats):
            largest = max(largest, _check_view(line, seat))
    return f"the largest has {largest} bytes"


def _check_view(line: Line, seat: int) -> int:
    view, call = line.view(seat), f"view({seat})"
    try:
        data = protocol.pack(view)
        back = protocol.unpack(data)
    except Exception as error:
        told = f"it does not go through msgpack: {type(error).__name__}: {error}"
        raise line.breach(
            told, "Use numbers, text, lists, mappings with text as keys, None and numpy arrays", call
        ) from error
    where = _otherwise(view, back)
    if where is not None:
        told = f"{where[0]} is {shown(where[1])} and comes back as {shown(where[2])}"
        raise line.breach(told, "Use lists, not tuples, and plain numbers", call)
    if len(data) > _LARGEST:
        told = f"it takes {len(data)} bytes, more than {_LARGEST}"
        raise line.breach(told, "Show what the seat needs, or a numpy array of small numbers", call)
    if isinstance(view, dict):
        own = {"seat": seat, "turn": line.turn, "game": line.game.spec.name}
        for key in sorted(OBSERVATION_FIELDS & {key for key in view if isinstance(key, str)}):
            if view[key] != own.get(key):
                told = f"its key {key!r} is hidden by the observation's own: observation[{key!r}] is something else"
                raise line.breach(
                    told, f"Call it otherwise; the observation's are {', '.join(sorted(OBSERVATION_FIELDS))}", call
                )
        _check_entries(line, seat, view)
    return len(data)


def _check_entries(line: Line, seat: int, view: dict[Any, Any]) -> None:
    for name, value in view.items():
        call = f"entry({seat}, {shown(name)})"
        entry = line.call("entry", line.state.entry, seat, name)
        if packed(entry) != packed(value):
            told = f"it returned {shown(entry)}, the view holds {shown(value)}"
            raise line.breach(told, "Return what view() holds under that name, or leave entry() out", call)
    if type(line.state).entry is not State.entry:
        for name in sorted(_attributes(line.state) - view.keys()):
            _check_no_entry(line, seat, name)


def _attributes(state: State) -> set[str]:
    """Return the names under which a state keeps things: what an entry that tells too much would be called."""
    slots = (slot for kind in type(state).__mro__ for slot in getattr(kind, "__slots__", ()))
    return {*vars(state), *slots} if hasattr(state, "__dict__") else set(slots)


def _check_no_entry(line: Line, seat: int, name: str) -> None:
    call = f"entry({seat}, {name!r})"
    remedy = "Raise KeyError for what view() does not hold, or leave entry() out"
    try:
        found = line.state.entry(seat, name)
    except KeyError:
        return
    except Exception as error:
        told = f"it raised {type(error).__name__}, not KeyError, for a name that the view does not hold"
        raise line.breach(told, remedy, call) from error
    raise line.breach(f"it returned {shown(found)}, which the view does not hold", remedy, call)


def _otherwise(value: Any, back: Any, where: str = "it") -> tuple[str, Any, Any] | None:
    """Return where a value differs from what came back: its place, what it was, what it is."""
    if isinstance(value, dict):
        if not isinstance(back, dict) or [(type(k), k) for k in value] != [(type(k), k) for k in back]:
            return where, value, back
        parts = [(value[key], back[key], f"{where}[{key!r}]") for key in value]
    elif isinstance(value, list):
        if not isinstance(back, list) or len(value) != len(back):
            return where, value, back
        parts = [(one, other, f"{where}[{place}]") for place, (one, other) in enumerate(zip(value, back, strict=True))]
    elif type(value).__module__.partition(".")[0] == "numpy":
        return None  # arrays and their numbers travel by an extension of our own
    else:
        same = type(value) is type(back) and (value == back or value != value)  # noqa: PLR0124 - nan
        return None if same else (where, value, back)
    return next((found for part in parts if (found := _otherwise(*part))), None)


@rule("parts")
def parts(subject: Subject) -> str:
    """A view and a legal list are no part of the state: who changes them changes nothing."""
    emptied = 0
    held: list[tuple[str, int, Any, Any]] = []  # views of the turn before, and what they were
    for line in subject.positions():
        for call, turn, view, was in held:
            if packed(view) != was:
                told = f"the view of turn {turn} is another now that the match went on"
                raise line.breach(told, "Return a copy: self.board.copy(), not the board or a window on it", call)
        held = [(f"view({seat})", line.turn, view, packed(view)) for seat, view in enumerate(_views(line))]
        before = line.looks(drawings=False)
        for seat in range(line.seats):
            _empty(line.view(seat))
            changed = differs(before, line.looks(drawings=False))
            if changed is not None:
                told = f"after an agent emptied its view, {changed} returns something else"
                raise line.breach(told, "Return a copy: list(self.board), not self.board", f"view({seat})")
            emptied += 1
        for seat in line.movers():
            _empty(line.legal(seat))
            changed = differs(before, line.looks(drawings=False))
            if changed is not None:
                told = f"after an agent emptied the list it was given, {changed} returns something else"
                raise line.breach(told, "Return a new list or a tuple", f"legal({seat})")
    return f"{emptied} views emptied"


def _views(line: Line) -> list[Any]:
    return [line.view(seat) for seat in range(line.seats)]


def _empty(value: Any) -> None:
    """Take all out of a value, as a careless agent in the same process may."""
    if isinstance(value, dict | list):
        for part in list(value.values() if isinstance(value, dict) else value):
            _empty(part)
        value.clear()
    elif isinstance(value, set | bytearray):
        value.clear()
    elif type(value).__name__ == "ndarray":
        with contextlib.suppress(ValueError):  # read-only: so much the better
            value[...] = 0


@rule("looking")
def looking(subject: Subject) -> str:
    """Looking changes nothing: views, drawings and questions may be asked at any time, in any number."""
    for seats, seed in subject.seeds():
        bare, seen = Line(subject, subject.game, seats, seed), Line(subject, subject.game, seats, seed)
        while bare.movers() and bare.turn < min(bare.game.spec.max_turns, 60):
            first = seen.looks()
            changed = differs(first, seen.looks())
            if changed is not None:
                raise seen.breach("asked twice, it returned two things", "Let it look and change nothing", changed)
            actions = bare.drawn(bare.rng)
            for line in (bare, seen):
                line.play(actions)
            changed = differs(bare.looks(drawings=False), seen.looks(drawings=False))
            if changed is not None:
                told = f"a match that was looked at on the way differs from one that was not, in {changed}"
                raise seen.breach(told, "Let view, legal, render, svg and scores change nothing", changed)
            if subject.late():
                break
    return "matches that were looked at went as those that were not"


@rule("text")
def text(subject: Subject) -> str:
    """A position is text that a terminal can print."""
    for line in subject.positions():
        for seat in (None, *range(line.seats)):
            found = line.call("render", line.state.render, seat)
            call = f"render({'' if seat is None else seat})"
            if not isinstance(found, str):
                raise line.breach(f"it returned {shown(found)}", "Return the position as lines of text", call)
            if len(found) > _LARGEST_TEXT:
                told = f"it has {len(found):,} characters, more than {_LARGEST_TEXT:,}"
                raise line.breach(told, "Show what a person can read", call)
            odd = next((c for c in found if not c.isprintable() and c not in "\n\t"), None)
            if odd is not None:
                raise line.breach(
                    f"it holds {odd!r}, which steers terminals", "Use printable characters and line breaks", call
                )
    return "printable, and the same when asked again"


@rule("svg")
def svg(subject: Subject) -> str:
    """A drawing is one well-formed SVG document that carries text, runs nothing and asks for nothing outside."""
    drawn = 0
    for line in subject.positions():
        for seat in (None, *range(line.seats)):
            found = line.svg(seat)
            if found is None:
                return "it has none"
            why = _wrong_with(found)
            if why is not None:
                raise line.breach(*why, f"svg({'' if seat is None else seat})")
            drawn += 1
    return f"{drawn} drawings"


def _wrong_with(document: Any) -> tuple[str, str] | None:  # noqa: PLR0911 - one a kind
    """Return what is wrong with a drawing and what to do, None when nothing is."""
    if not isinstance(document, str):
        return f"it returned {type(document).__name__}", "Return the document as text"
    if len(document) > _LARGEST_DRAWING:
        told = f"it has {len(document):,} characters, more than {_LARGEST_DRAWING:,}"
        return told, "Draw less: reports leave out what is larger"
    if "<!DOCTYPE" in document.upper() or "<!ENTITY" in document.upper() or "<?xml-stylesheet" in document.lower():
        return "it holds a DOCTYPE, an entity or a style sheet's address", "Begin with <svg"
    try:
        root = ET.fromstring(document)  # noqa: S314 - entities were refused above
    except (ET.ParseError, ValueError) as error:
        return f"it is not well-formed: {error}", "Close each element, and escape texts with html.escape"
    if root.tag != f"{_SVG}svg":
        return f"its first element is {root.tag}", 'Begin with <svg xmlns="http://www.w3.org/2000/svg">'
    for element in root.iter():
        why = _wrong_element(element)
        if why is not None:
            return why
    if not any(said.strip() for element in root.iter() for said in [element.text or ""] if not _is_style(element)):
        return "it carries no text for who cannot see it", "Put the rendered position into <title>"
    return None


def _is_style(element: ET.Element) -> bool:
    return _local(element.tag) == "style"


def _local(name: Any) -> str:
    return name.rpartition("}")[2].lower() if isinstance(name, str) else ""


def _wrong_element(element: ET.Element) -> tuple[str, str] | None:
    tag = _local(element.tag)
    if tag in _ACTIVE:
        return f"it holds <{tag}>", "Draw with shapes and text only"
    if _is_style(element) and _OUTSIDE.search(element.text or ""):
        return "its style asks for something outside", "Write colours and fonts into the elements"
    for name, value in element.attrib.items():
        key = _local(name)
        if key.startswith("on"):
            return f"<{tag}> has {key}=, which runs code", "Leave it out"
        if key in {"href", "src"} and not _INSIDE.match(value):
            return f"<{tag}> asks for {shown(value)}", "Refer to nothing but parts of the same drawing"
        if _OUTSIDE.search(value) or (key == "attributename" and value.strip().lower().endswith("href")):
            return f"<{tag}> has {key}={shown(value)}", "Refer to nothing outside"
    return None
