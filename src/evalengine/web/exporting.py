"""The kind of job "export": stored runs as one file, written as `evalengine export` writes it."""

from __future__ import annotations

import contextlib
import shutil
import zipfile
from typing import TYPE_CHECKING, Any

from evalengine import database
from evalengine.errors import UsageError
from evalengine.exports.choosing import Filters
from evalengine.exports.exporting import Wish, export, make_exporter
from evalengine.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from evalengine.plugins import Plugins
    from evalengine.web.job_process import Work
    from evalengine.web.keys import Key

_NAMES = ("games", "tags", "agents", "tables")
_NOTES = 20  # for people, of what they asked for


def check(request: Mapping[str, Any], _key: Key, plugs: Plugins) -> None:
    """Refuse what cannot be an export.

    Raises:
        UsageError: it cannot work; the text says why.
    """
    make_exporter(request["format"], {}, plugs)
    for name in _NAMES:
        if not all(isinstance(item, str) for item in request[name]):
            _refuse(f"{name} must be a list of texts, not {request[name]!r}")
    if not all(type(run) is int and 0 < run < 1 << 22 for run in request["runs"]):
        _refuse(f"runs must be a list of numbers of runs, not {request['runs']!r}")


def write(work: Work) -> dict[str, Any]:
    """Write the file, anew if an earlier process of this job did not finish it; return its name and size."""
    folder = folder_of(work.db)
    made = folder / f"job-{work.number}"
    shutil.rmtree(made, ignore_errors=True)
    try:
        with database.told(folder):
            made.mkdir(mode=0o700, parents=True)
            file, notes = _written(work, made)
            target = made.with_suffix(file.suffix)
            file.replace(target)
            return {"file": target.name, "bytes": target.stat().st_size, "notes": notes[:_NOTES]}
    finally:
        shutil.rmtree(made, ignore_errors=True)


def folder_of(db: Path) -> Path:
    """Return where the exports of a database's jobs are."""
    return db.with_name(f"{db.stem}.exports")


def forget(db: Path, before: float) -> None:
    """Remove the files that were written before then, in seconds since 1970."""
    for file in folder_of(db).glob("job-*"):
        with contextlib.suppress(OSError):  # another has removed it, or may not be
            if file.is_file() and file.stat().st_mtime < before:
                file.unlink()


def _written(work: Work, made: Path) -> tuple[Path, list[str]]:
    request = work.request
    exporter = make_exporter(request["format"], {}, work.plugins)
    suffix = exporter.suffix or ""
    wants_several = exporter.folder == "maybe" and (request["split"] or len(request["tables"]) != 1)
    folder = exporter.folder == "always" or wants_several
    path = made / ("export" if folder else f"export{suffix}")
    wish = Wish(
        form=request["format"],
        path=str(path),
        filters=Filters(best=request["best"], **{name: request[name] for name in ("runs", "games", "tags", "agents")}),
        tables=request["tables"],
        anonymous=request["anonymous"],
        split=request["split"],
        split_by=request["split_by"],
    )
    with Store(work.db) as store:
        notes = list(export(wish, store, work.plugins))
    return (_zipped(path) if path.is_dir() else path), notes


def _zipped(folder: Path) -> Path:
    """Return one file that holds all of a folder."""
    packed = folder.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return packed


def _refuse(told: str) -> None:
    msg = f"job 'export': {told}"
    raise UsageError(msg)
