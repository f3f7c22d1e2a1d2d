"""Metadata for Datasette: what the views of the database mean, units, facets, and queries that answer questions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalengine import Exporter, UsageError

if TYPE_CHECKING:
    from evalengine import Files, Selection

_METADATA = Path(__file__).with_suffix(".json")  # of a database called arena


class Datasette(Exporter):
    """One file of metadata for `datasette DB --metadata FILE`."""

    suffix = ".json"

    def write(self, selection: Selection, files: Files) -> None:
        if selection.anonymous:
            msg = "datasette metadata holds no names, and the database beside it all of them: leave --anonymous out"
            raise UsageError(msg)
        with files.open("metadata.json") as file:
            file.write(json.dumps(metadata(selection.db.stem), indent=2).encode() + b"\n")


def metadata(name: str) -> dict[str, Any]:
    """Return the metadata of a database of this name, as Datasette calls it: the file's without its suffix."""
    whole: dict[str, Any] = json.loads(_METADATA.read_text("utf-8"))
    whole["databases"] = {name: whole["databases"]["arena"]}
    return whole
