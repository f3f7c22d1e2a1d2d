"""Tables as JSON, an object a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO

from evalengine.builtin.exporters.rows import Rows, Sink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine import Table

_encoded = json.JSONEncoder(separators=(",", ":")).encode  # made once: to make it costs more than a row


class NdjsonSink(Sink):
    """One object a line, in ASCII."""

    def __init__(self, file: BinaryIO, table: Table) -> None:
        self._file = file
        self._names = [column.name for column in table.columns]

    def row(self, values: Sequence[Any]) -> None:
        record = dict(zip(self._names, values, strict=True))
        self._file.write(_encoded(record).encode() + b"\n")


class Ndjson(Rows):
    """A file a table."""

    suffix = ".ndjson"
    sink = NdjsonSink
