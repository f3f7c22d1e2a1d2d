"""This plugin's own tables in the server's database; all begin with `gert_`."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence


class Tables:
    """Tables by the number of the file that makes them; each file is run once for a database, in order."""

    def __init__(self, files: Sequence[str]) -> None:
        self._files = files

    def make(self, connection: sqlite3.Connection) -> None:
        """Make what is missing."""
        connection.execute("create table if not exists gert_schema (file text primary key) without rowid")
        made = {row[0] for row in connection.execute("select file from gert_schema")}
        folder = resources.files("evalengine_gertlabs") / "schema"
        for name in self._files:
            if name in made:
                continue
            for statement in (folder / f"{name}.sql").read_text().split(";\n"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute("insert into gert_schema values (?)", (name,))


TABLES = Tables(["play_1", "rollouts_1", "data_1", "tasks_1"])
