"""Tables into files, a row at a time: what formats of rows share."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from evalengine import Exporter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import Files, Selection, Table

as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # made once: to make it costs as much


class Sink(ABC):
    """One open file of one table."""

    @abstractmethod
    def __init__(self, file: BinaryIO, table: Table) -> None:
        """Begin the file."""

    @abstractmethod
    def row(self, values: Sequence[Any]) -> None:
        """Write a row."""

    def close(self) -> None:  # noqa: B027 - most have nothing left to do
        """End the file."""


class Rows(Exporter):
    """One file a table, or one a table and split."""

    folder = "maybe"
    tables = ("matches", "steps", "ratings", "agents")
    sink: ClassVar[type[Sink]]

    def write(self, selection: Selection, files: Files) -> None:
        for table in selection.tables.values():
            self.write_table(table, selection, files)

    def write_table(self, table: Table, selection: Selection, files: Files) -> list[str]:
        """Write one table; return the splits of it that have rows."""
        with ExitStack() as stack:
            sinks, filled = {}, set()
            for split in selection.splits or [""]:
                file = stack.enter_context(files.open(self.name(table.name, split)))
                sinks[split] = self.sink(file, table)
            for split, values in selection.rows(table.name):
                sinks[split].row(values)
                filled.add(split)
            for sink in sinks.values():
                sink.close()
        return [split for split in sinks if split in filled]

    def name(self, table: str, split: str) -> str:
        """Return the file of a table and split within the folder."""
        return f"{table}-{split}{self.suffix}" if split else f"{table}{self.suffix}"
