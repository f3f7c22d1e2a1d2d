"""Text as SVG."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

_LINE_HEIGHT, _LETTER, _MARGIN = 18, 8.5, 10
_UNPRINTABLE = re.compile("[^\t\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text_document(text: str) -> str:
    """Return `text` as one SVG document, a line a line."""
    lines = [_UNPRINTABLE.sub(" ", line) for line in text.expandtabs().splitlines()] or [""]
    width = 2 * _MARGIN + _LETTER * max(map(len, lines))
    height = 2 * _MARGIN + _LINE_HEIGHT * len(lines)
    rows = "".join(
        f'<text x="{_MARGIN}" y="{_MARGIN + _LINE_HEIGHT * (number + 0.75):g}" xml:space="preserve">'
        f"{escape(line)}</text>"
        for number, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'font-family="monospace" font-size="14" fill="#1B1B1B"><title>{escape(" ".join(lines))}</title>'
        f'<rect width="{width:g}" height="{height:g}" fill="#FFFFFF"/>{rows}</svg>'
    )
