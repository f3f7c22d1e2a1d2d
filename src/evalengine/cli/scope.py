"""Records of ratings as JSON, CSV or a table."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from evalengine.cli import tables, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def print_rows(form: str, record: Mapping[str, Any], key: str, title: str) -> None:
    """Print a record as JSON, its rows of `key` as CSV, or them as a table of ratings."""
    if form == "json":
        text.out(json.dumps(record, indent=2))
    elif form == "csv":
        text.out(as_csv(record[key]))
    else:
        for line in (text.rule(f"run {record['run']} (by {title})"), *tables.rating_lines({title: record[key]})):
            text.out(line)


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows of the same keys as CSV, with a head."""
    if not rows:
        return ""
    made = io.StringIO()
    writer = csv.DictWriter(made, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return made.getvalue().rstrip("\n")
