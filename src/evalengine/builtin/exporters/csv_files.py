"""Tables as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, BinaryIO

from evalengine.builtin.exporters.rows import Rows, Sink, as_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import Table

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets take for the beginning of a formula


def cell(value: Any) -> Any:
    """Return a value as a cell: lists and mappings as JSON, texts that a spreadsheet would compute behind a "'".

    Numbers are left alone, negative ones too.
    """
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, list | dict):
        return as_json(value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


class _Encoded:
    """A file for texts; unlike io.TextIOWrapper it never closes the one below."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode("utf-8", "replace"))


class CsvSink(Sink):
    """RFC 4180 in UTF-8, with a head; lines end with a line feed."""

    def __init__(self, file: BinaryIO, table: Table) -> None:
        self._writer = csv.writer(_Encoded(file), lineterminator="\n")
        self._writer.writerow(column.name for column in table.columns)

    def row(self, values: Sequence[Any]) -> None:
        self._writer.writerow(map(cell, values))


class Csv(Rows):
    """A file a table."""

    suffix = ".csv"
    sink = CsvSink
