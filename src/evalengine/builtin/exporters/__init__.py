"""The bundled export formats, one module each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalengine import PluginSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HOME = "evalengine.builtin.exporters"
_GRADES = {
    "thresholds": {"type": "string", "description": "a TOML file: which scores against whom earn how many points"},
    "students": {"type": "string", "default": "", "description": "a CSV file with the columns student and agent"},
}
_HTML: Mapping[str, Mapping[str, Any]] = {
    "frames": {"type": "integer", "default": 1_000, "minimum": 0, "description": "matches with pictures of every turn"},
    "matches": {"type": "integer", "default": 20_000, "minimum": 1, "description": "matches told of one by one"},
    "rater": {"type": "string", "default": "", "description": "a rater to show, too"},
}


@hookimpl
def evalengine_exporters() -> Sequence[PluginSpec]:
    """List the bundled export formats."""
    return [
        PluginSpec(name="csv", factory=f"{_HOME}.csv_files:Csv", doc="Tables for spreadsheets."),
        PluginSpec(name="ndjson", factory=f"{_HOME}.ndjson:Ndjson", doc="Tables, a JSON object a line."),
        PluginSpec(name="parquet", factory=f"{_HOME}.parquet:Parquet", doc="A folder that `datasets` reads."),
        PluginSpec(name="html", factory=f"{_HOME}.html:Html", doc="Pages of a run.", parameters=_HTML),
        PluginSpec(name="pgn", factory=f"{_HOME}.pgn:Pgn", doc="Games as chess programs read them."),
        PluginSpec(name="junit", factory=f"{_HOME}.junit:Junit", doc="A match a test case, for CI systems."),
        PluginSpec(name="grades", factory=f"{_HOME}.grades:Grades", doc="Points of students.", parameters=_GRADES),
        PluginSpec(name="datasette", factory=f"{_HOME}.datasette:Datasette", doc="Metadata and queries for Datasette."),
    ]
