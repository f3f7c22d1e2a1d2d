"""Tables as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, BinaryIO

from evalengine.builtin.exporters.rows import Rows, Sink

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
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


class CsvSink(Sink):
    """RFC 4180 in UTF-8, with a head; lines end with a line feed."""

    def __init__(self, file: BinaryIO, table: Table) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="", write_through=True)
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow(column.name for column in table.columns)

    def row(self, values: Sequence[Any]) -> None:
        self._writer.writerow(map(cell, values))

    def close(self) -> None:
        self._text.detach()


class Csv(Rows):
    """A file a table."""

    suffix = ".csv"
    sink = CsvSink
