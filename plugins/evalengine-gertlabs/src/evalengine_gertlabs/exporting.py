"""The job that writes an export."""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING, Any

from evalengine.store import Store
from evalengine_gertlabs import settings, times, works
from evalengine_gertlabs.selecting import BOTH, COLUMNS, Record, Selecting, Wish, kinds
from evalengine_gertlabs.works import Doing
from evalengine_gertlabs.writing import SCHEMA_VERSION, Files

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from evalengine import Work

_SEEN = 500  # keys that are remembered at once
_REPORTED = 200  # rows between reports


def folder_of(db: Path, job: int) -> Path:
    """Return where the files of an export are."""
    return db.with_name(f"{db.stem}.exports") / works.name_of(job)


def export(work: Work) -> dict[str, Any]:
    """Write the files of an export, from the beginning should an earlier process have begun; return what they are."""
    with Doing(work) as doing, Store(work.db) as store:
        shutil.rmtree(folder_of(work.db, work.number), ignore_errors=True)
        doing.rows.change("delete from gert_exported where work = ?", doing.row.ticket)
        wish = Wish(owner=doing.row.owner, **doing.row.params["wish"])
        every = [Selecting(doing.rows, store, work.plugins, wish._replace(kind=kind)) for kind in kinds(wish.kind)]
        written = [file for selecting in every for file in _written(doing, selecting)]
        return {
            "export_type": wish.kind,
            "format": doing.row.params["format"],
            "record_count": sum(file["rows"] for file in written),
            "files": written,
            "skipped": [line for selecting in every for line in selecting.skipped],
        }


def _written(doing: Doing, selecting: Selecting) -> list[dict[str, Any]]:
    """Write the files of one type of rows; return what they are."""
    work, wish = doing.work, selecting.wish
    both = f"_{wish.kind}" if doing.row.params["wish"]["kind"] == BOTH else ""
    files = Files(
        folder_of(work.db, work.number), f"export_{works.name_of(work.number)}{both}", doing.row.params["format"],
        COLUMNS[wish.kind], _metadata(doing, wish), settings.read().chunk_rows,
    )  # fmt: skip
    expected = max(1, selecting.estimate())
    for number, record in enumerate(_remembered(doing, wish, selecting.records())):
        files.add(record.values)
        if number % _REPORTED == 0:
            work.report(min(number / expected, 0.99))
    return [{**file, "export_type": wish.kind} for file in files.close()]


def _remembered(doing: Doing, wish: Wish, records: Iterable[Record]) -> Iterator[Record]:
    """Yield records; what they are of is stored, and counts as exported once the job is completed."""
    seen: dict[tuple[str, str], None] = {}
    latest: tuple[str, str] | None = None
    for record in records:
        if (here := (record.key, record.game)) != latest:
            latest = here
            seen[here] = None
            if len(seen) >= _SEEN:
                _store(doing, wish, list(seen))
                seen.clear()
        yield record
    _store(doing, wish, list(seen))


def _store(doing: Doing, wish: Wish, seen: Sequence[tuple[str, str]]) -> None:
    def add(connection: sqlite3.Connection) -> None:
        connection.executemany(
            "insert or ignore into gert_exported values (?, ?, ?, ?, ?)",
            [(wish.owner, wish.kind, key, doing.row.ticket, game) for key, game in seen],
        )

    doing.rows.together(add)


def _games(doing: Doing, wish: Wish) -> Sequence[str]:
    """Return the games that were asked for, else those of which the owner has submissions."""
    if wish.games is not None:
        return wish.games
    sql = "select distinct game from gert_submission where owner = ? order by game"
    return [row["game"] for row in doing.rows.read(sql, wish.owner)]


def _metadata(doing: Doing, wish: Wish) -> Mapping[str, str]:
    """Return what a file says of itself, besides its rows."""
    told = {
        "schema_version": SCHEMA_VERSION,
        "exported_at": str(times.told(time.time())),
        "export_type": wish.kind,
        "completeness": "all" if wish.most is None else f"at most {wish.most} records",
    }
    games = doing.work.plugins.games()
    for name in _games(doing, wish):
        if name in games:
            scores = {"min": games[name].min_score, "max": games[name].max_score, "utility": games[name].utility}
            told[f"score_context:{name}"] = json.dumps(scores)
            told[f"game_prompt:{name}:{games[name].version}"] = games[name].doc
    return told
