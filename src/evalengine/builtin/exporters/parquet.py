"""Tables as Parquet, in the layout that `datasets.load_dataset(folder, "matches")` reads without a network."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO

from evalengine import UsageError
from evalengine.builtin.exporters.rows import Rows, Sink, as_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalengine import Files, Selection, Table

_ROWS, _BYTES = 10_000, 8 << 20  # of a row group, whichever is reached first: what is kept in memory


class ParquetSink(Sink):
    """Row groups of bounded size; values of a game's own are texts of JSON."""

    def __init__(self, file: BinaryIO, table: Table) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        types = {
            "int": pa.int64(), "float": pa.float64(), "text": pa.string(), "bool": pa.bool_(),
            "ints": pa.list_(pa.int64()), "floats": pa.list_(pa.float64()),
            "texts": pa.list_(pa.string()), "value": pa.string(),
        }  # fmt: skip
        fields = [pa.field(column.name, types[column.kind], metadata={"doc": column.doc}) for column in table.columns]
        self._schema = pa.schema(fields, metadata={"doc": table.doc})
        self._values = [column.kind == "value" for column in table.columns]
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")
        self._columns: list[list[Any]] = [[] for _ in table.columns]
        self._bytes = 0

    def row(self, values: Sequence[Any]) -> None:
        for column, value, own in zip(self._columns, values, self._values, strict=True):
            told = as_json(value) if own and value is not None else value
            column.append(told)
            self._bytes += len(told) if isinstance(told, str) else 8
        if len(self._columns[0]) >= _ROWS or self._bytes >= _BYTES:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        arrays = [pa.array(column, field.type) for column, field in zip(self._columns, self._schema, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._columns = [[] for _ in self._columns]
        self._bytes = 0

    def close(self) -> None:
        if self._columns[0]:
            self._flush()
        self._writer.close()


class Parquet(Rows):
    """A folder a table, a file a split, and a README.md that names them as configurations."""

    suffix = ".parquet"
    sink = ParquetSink

    def __init__(self) -> None:
        try:
            import_module("pyarrow.parquet")
        except ImportError as error:
            msg = "export parquet needs pyarrow: pip install 'evalengine[parquet]'"
            raise UsageError(msg) from error

    def write(self, selection: Selection, files: Files) -> None:
        filled = {table: self.write_table(table, selection, files) for table in selection.tables.values()}
        if files.folder:
            with files.open("README.md") as file:
                file.write("".join(line + "\n" for line in _card(filled)).encode())

    def name(self, table: str, split: str) -> str:
        return f"{table}/{split or 'train'}{self.suffix}"


def _card(filled: Mapping[Table, Sequence[str]]) -> Iterator[str]:
    """Yield the lines of the README.md: configurations as `datasets` reads them, then the columns.

    Args:
        filled: by table its splits with rows; `datasets` reads none without.
    """
    yield "---"
    yield "configs:"
    for table, splits in filled.items():
        if splits:
            yield f"- config_name: {table.name}"
            yield from ["  default: true"] if table.name == "matches" else []
            yield "  data_files:"
        for split in splits:
            yield f"  - split: {split or 'train'}"
            yield f"    path: {table.name}/{split or 'train'}.parquet"
    yield "---"
    yield ""
    yield "# Matches between agents"
    yield ""
    yield "Written by evalengine. Columns of the type `value` hold JSON."
    for table in filled:
        yield from [
            "",
            f"## {table.name}",
            "",
            f"A row is {table.doc}.",
            "",
            "| column | type | what it is |",
            "|---|---|---|",
        ]
        for column in table.columns:
            yield f"| `{column.name}` | {column.kind} | {column.doc} |"
