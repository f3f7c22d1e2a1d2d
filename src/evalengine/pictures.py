"""Positions as text and as SVG: a game's drawing is taken for hostile, and every picture carries its text."""

from __future__ import annotations

import base64
import math
import re
import traceback
from html import escape
from typing import TYPE_CHECKING
from xml.parsers import expat

from evalengine.contracts import State
from evalengine.errors import GameError

if TYPE_CHECKING:
    from collections.abc import Callable

_LARGEST = 8 << 20  # bytes of a drawing
_SIDE = 400.0  # of a drawing that does not say its size
_CHARACTER, _LINE = 8.4, 18.0  # of a picture of text, at 14 pixels
_SVG = "{http://www.w3.org/2000/svg}svg"
_NUMBER = re.compile(r"\s*(\d{1,6}(?:\.\d{1,6})?)(?:px)?\s*")


def text_of(state: State) -> str:
    """Return a position as text.

    Raises:
        GameError: the game cannot.
    """
    return _drawn(state, "render", state.render)


def frame(state: State, title: str, text: str) -> str:
    """Return a position as an SVG document with a title and its text; where the game draws none, of the text.

    The game's own drawing is in it as an image, never as elements: what it holds of scripts does nothing, and what it
    refers to is not fetched.

    Raises:
        GameError: the game cannot draw it, or its drawing is no SVG.
    """
    if type(state).svg is State.svg:
        return _of_text(title, text)
    drawing = _drawn(state, "svg", state.svg)
    width, height = _size_of(drawing, type(state).__name__)
    data = base64.b64encode(drawing.encode("utf-8", "replace")).decode()
    image = f'<image href="data:image/svg+xml;base64,{data}" width="{width:g}" height="{height:g}"/>'
    return _document(width, height, title, text, image)


def _drawn(state: State, method: str, draw: Callable[[], str]) -> str:
    try:
        drawn = draw()
    except GameError:
        raise
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        msg = f"{type(state).__name__}.{method}() failed: {type(error).__name__}: {error} ({where.name}:{where.lineno})"
        raise GameError(msg) from error
    if not isinstance(drawn, str) or len(drawn) > _LARGEST:
        msg = f"{type(state).__name__}.{method}() must return a text of at most {_LARGEST >> 20} MiB"
        raise GameError(msg)
    return drawn


def _size_of(drawing: str, state: str) -> tuple[float, float]:
    """Return width and height of a drawing, which is parsed whole but for entities.

    Raises:
        GameError: it is no SVG document.
    """
    roots: list[tuple[str, dict[str, str]]] = []
    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler = lambda name, found: roots.append((name, found)) if not roots else None
    parser.EntityDeclHandler = _no_entities
    try:
        parser.Parse(drawing.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        msg = f"{state}.svg() returned no well-formed SVG: {error}"
        raise GameError(msg) from error
    name, found = roots[0]
    if f"{{{name}" != _SVG:
        msg = f"{state}.svg() returned a document of {name!r}, not of 'svg' in its namespace"
        raise GameError(msg)
    box = re.split(r"[\s,]+", found.get("viewBox", "").strip())
    return _length(found.get("width", box[2] if len(box) == 4 else "")), _length(  # noqa: PLR2004 - x, y, width, height
        found.get("height", box[3] if len(box) == 4 else "")  # noqa: PLR2004 - as above
    )


def _no_entities(*_: object) -> None:
    msg = "a drawing with entities of its own"
    raise GameError(msg)


def _length(text: str) -> float:
    found = _NUMBER.fullmatch(text)
    value = float(found[1]) if found else 0.0
    return value if value > 0 and math.isfinite(value) else _SIDE


def _of_text(title: str, text: str) -> str:
    lines = text.split("\n")
    width = _CHARACTER * (max(map(len, lines)) + 2)
    shown = "".join(
        f'<text x="{_CHARACTER:g}" y="{_LINE * (place + 1):g}" xml:space="preserve">{_plain(line)}</text>'
        for place, line in enumerate(lines)
    )
    body = f'<rect width="100%" height="100%" fill="#FFFFFF"/><g font-family="monospace" font-size="14">{shown}</g>'
    return _document(width, _LINE * (len(lines) + 1), title, text, body)


def _document(width: float, height: float, title: str, text: str, body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-labelledby="title text"><title id="title">{_plain(title)}</title>'
        f'<desc id="text">{_plain(text)}</desc>{body}</svg>\n'
    )


def _plain(text: str) -> str:
    """Return text as XML holds it: control characters, which it cannot hold, replaced."""
    return escape("".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text))
