"""The positions of a match as SVG and as text, packed: what frames share is written once.

A frame is cut into chunks (an SVG before each "<", a text into its lines); a chunk is the number of its place in a
table that many matches share, and a frame is what differs from the numbers of the one before: [how many are the same
at the beginning, how many at the end, those between].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine.seats import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalengine.match import Match
    from evalengine.replays import StoredMatch

MOST_FRAME = 256 << 10  # characters of one picture

Packed = tuple[int, int, list[int]]


class Chunks:
    """The table that frames of several matches share."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def packed(self, texts: Sequence[str], cut: str) -> list[Packed]:
        """Return texts, each as what differs from the one before."""
        before: list[int] = []
        found = []
        for text in texts:
            numbers = self._numbers
            now = [numbers.setdefault(chunk, len(numbers)) for chunk in text.split(cut)]
            found.append(difference(before, now))
            before = now
        return found


def difference(before: Sequence[int], now: list[int]) -> Packed:
    """Return how many items are the same at the beginning, then at the end, and those between."""
    least = min(len(before), len(now))
    first = next((place for place in range(least) if before[place] != now[place]), least)
    last = next((place for place in range(least - first) if before[-1 - place] != now[-1 - place]), least - first)
    return first, last, now[first : len(now) - last]


def drawn(found: StoredMatch) -> tuple[list[str], list[str]]:
    """Return a match's positions before each turn and at its end: as SVG, empty when the game draws none, and as text.

    Raises:
        StoreError: the stored actions do not fit the game.
    """
    pictures: list[str] = []
    texts = []
    for match in found.replayed():
        texts.append(clean(match.state.render()))
        if len(pictures) == len(texts) - 1:
            pictures += _picture(match)
    return pictures if len(pictures) == len(texts) else [], texts


def _picture(match: Match) -> list[str]:
    """Return the SVG of a position; nothing when the game has none, or one beyond the bound."""
    try:
        svg = str(match.state.svg())
    except Exception:  # noqa: BLE001 - a game that cannot draw itself must not cost the report
        return []
    return [_encodable(svg)] if len(svg) <= MOST_FRAME else []


def _encodable(text: str) -> str:
    """Return a text that UTF-8 can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def clean(text: Any) -> str:
    """Return a text without control characters and without those that turn the order of writing round."""
    told = str(text)
    return told if told.replace("\n", "").replace("\t", "").isprintable() else printable(told)
