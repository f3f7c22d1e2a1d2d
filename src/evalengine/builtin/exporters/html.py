"""The pages of a run, as `evalengine report` writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine import Exporter

if TYPE_CHECKING:
    from evalengine import Files, Selection


class Html(Exporter):
    """A folder that a browser opens without a server.

    Args:
        frames: matches with pictures of every turn; matches: those told of one by one; rater: a further one, "" none.
    """

    suffix = ".html"
    folder = "always"
    latest = True

    def __init__(self, frames: int, matches: int, rater: str) -> None:
        self._frames = frames
        self._matches = matches
        self._raters = (rater,) if rater else ()

    def write(self, selection: Selection, files: Files) -> None:
        selection.report(files, frames=self._frames, matches=self._matches, raters=self._raters)
