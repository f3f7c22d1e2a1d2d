"""Files of an export: JSON or Parquet, cut where they have enough rows, with no more of them in memory than a few."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from evalengine import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FORMATS = ("json", "parquet")
SCHEMA_VERSION = "1"
_GROUP_ROWS, _GROUP_BYTES = 2_000, 8 << 20  # of a row group, whichever comes first


def check_format(name: str) -> None:
    """Refuse a format whose library is not installed.

    Raises:
        UsageError: it is not.
    """
    if name == "parquet" and importlib.util.find_spec("pyarrow") is None:
        msg = (
            "parquet needs pyarrow, which this server has not: pip install 'evalengine-gertlabs[parquet]', or take json"
        )
        raise UsageError(msg)


class _File(ABC):
    """One file being written.

    Attributes:
        rows: so many are in it.
    """

    def __init__(self) -> None:
        self.rows = 0

    @abstractmethod
    def add(self, values: Mapping[str, Any]) -> None:
        """Write a row."""

    @abstractmethod
    def close(self) -> None:
        """End the file."""


class _Json(_File):
    def __init__(self, path: Path, metadata: Mapping[str, str]) -> None:
        super().__init__()
        self._file = path.open("w", encoding="utf-8")
        self._file.write(json.dumps(dict(metadata))[:-1] + ', "records": [')

    def add(self, values: Mapping[str, Any]) -> None:
        self._file.write(("," if self.rows else "") + "\n" + json.dumps(dict(values)))
        self.rows += 1

    def close(self) -> None:
        self._file.write(f'\n], "record_count": {self.rows}}}\n')
        self._file.close()


class _Parquet(_File):
    def __init__(self, path: Path, columns: Mapping[str, str], metadata: Mapping[str, str]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        super().__init__()
        types = {"text": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
        self._schema = pa.schema([pa.field(name, types[kind]) for name, kind in columns.items()], metadata=metadata)
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[Mapping[str, Any]] = []
        self._bytes = 0

    def add(self, values: Mapping[str, Any]) -> None:
        self._rows.append(values)
        self._bytes += sum(len(value) if isinstance(value, str) else 8 for value in values.values())
        self.rows += 1
        if len(self._rows) >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows, self._bytes = [], 0

    def close(self) -> None:
        if self._rows:
            self._flush()
        self._writer.close()


class Files:
    """The files of an export, in a folder of their own, begun as rows come.

    Args:
        name: what the files' names begin with; most: rows of one file.
    """

    def __init__(  # noqa: PLR0917 - what files are
        self, folder: Path, name: str, form: str, columns: Mapping[str, str], metadata: Mapping[str, str], most: int
    ) -> None:
        self._folder = folder
        self._name = name
        self._form = form
        self._columns = columns
        self._metadata = metadata
        self._most = most
        self._paths: list[Path] = []
        self._counts: list[int] = []
        self._open: _File | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, values: Mapping[str, Any]) -> None:
        """Write a row."""
        if self._open is None:
            self._open = self._begun()
        self._open.add(values)
        if self._open.rows >= self._most:
            self._end()

    def close(self) -> Sequence[Mapping[str, Any]]:
        """End the last file; return what there is: name, bytes, rows and SHA-256 of each."""
        self._end()
        return [
            {"name": path.name, "bytes": path.stat().st_size, "rows": rows, "sha256": _digest(path)}
            for path, rows in zip(self._paths, self._counts, strict=True)
        ]

    def _begun(self) -> _File:
        path = self._folder / f"{self._name}_{len(self._paths) + 1:03d}.{self._form}"
        self._paths.append(path)
        if self._form == "json":
            return _Json(path, self._metadata)
        return _Parquet(path, self._columns, self._metadata)

    def _end(self) -> None:
        if self._open is not None:
            self._open.close()
            self._counts.append(self._open.rows)
            self._open = None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
