"""One export: what was asked for, checked, and written."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evalengine import references
from evalengine.errors import UsageError
from evalengine.exports import files, splits, tables
from evalengine.exports.choosing import Filters
from evalengine.exports.selection import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalengine.exports.contract import Exporter
    from evalengine.plugins import Plugins
    from evalengine.store import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a person asked for.

    Attributes:
        form: an exporter, `NAME` or `NAME(key=value)`; parameters: its own, too; path: where to, "-" for stdout;
        tables: by name, none for the usual ones; split: "0.8,0.1,0.1", "" for none; split_by: "game" or "agent".
    """

    form: str
    path: str
    filters: Filters = field(default_factory=Filters)
    tables: Sequence[str] = ()
    anonymous: bool = False
    split: str = ""
    split_by: str = "game"
    parameters: Mapping[str, Any] = field(default_factory=dict)


def export(wish: Wish, store: Store, plugs: Plugins) -> Iterator[str]:
    """Write an export; yield notes for people once it is written.

    Raises:
        UsageError: what was asked for cannot work; StorageError: the disk is full.
    """
    exporter = make_exporter(wish.form, wish.parameters, plugs)
    split = splits.parse(wish.split, wish.split_by) if wish.split else None
    folder = _is_folder(wish, exporter)
    wanted = _tables(wish, exporter, folder=folder)
    with store.reading():
        filters = _filters(wish.filters, exporter, store)
        reader = Reader(store, plugs, filters, wanted, split, anonymous=wish.anonymous)
        # What games and plugins print must not mix with what is written.
        with files.writing(wish.path, folder=folder) as target, redirect_stdout(sys.stderr):
            exporter.write(reader, target)
    if reader.parted:
        yield f"{reader.parted} times a match was left out, since its agents fall into several splits"
    yield from _empty(reader, split)


def junit(path: str, run: int, store: Store, plugs: Plugins) -> None:
    """Write a run as JUnit's XML, for `run --junit-xml`.

    Raises:
        UsageError, StorageError: as `export`.
    """
    for _ in export(Wish(form="junit", path=path, filters=Filters(runs=(run,))), store, plugs):
        pass


def make_exporter(form: str, parameters: Mapping[str, Any], plugs: Plugins) -> Exporter:
    """Return the exporter that `NAME` or `NAME(key=value)` stands for.

    Raises:
        UnknownNameError: nobody registers it; ConfigError: a parameter is wrong.
    """
    name, config = references.split_reference(form)
    spec = references.find("export format", name, plugs.listed("exporters"), "evalengine plugins")
    given = {key: value for key, value in parameters.items() if value is not None}
    whole = references.configured(f"export format {name!r}", spec.parameters, {**config, **given})
    made: Exporter = references.imported(spec.factory, f"export format {name!r}")(**whole)
    return made


def _is_folder(wish: Wish, exporter: Exporter) -> bool:
    """Say whether several files are to be written."""
    suffix = exporter.suffix
    single = files.is_one(wish.path) or bool(suffix and wish.path.endswith(suffix))
    if exporter.folder == "always" and single:
        msg = f"-o {wish.path}: {wish.form} is a folder of files: name a folder"
        raise UsageError(msg)
    folder = exporter.folder == "always" or (exporter.folder == "maybe" and not single)
    if wish.split and not folder:
        where = "name one with -o" if exporter.folder == "maybe" else "take csv, ndjson or parquet"
        msg = f"--split writes a file for each split, into a folder: {where}"
        raise UsageError(msg)
    return folder


def _tables(wish: Wish, exporter: Exporter, *, folder: bool) -> Sequence[str]:
    """Return which tables are written."""
    if exporter.folder == "never" or not exporter.tables:
        if wish.tables:
            msg = f"--table is for csv, ndjson and parquet; {wish.form} has no tables to choose from"
            raise UsageError(msg)
        return ()
    for name in wish.tables:
        references.find("table", name, tables.TABLES)
    if not folder and len(wish.tables) > 1:
        msg = f"-o {wish.path} is one file, for one --table: name a folder for several"
        raise UsageError(msg)
    return wish.tables or (exporter.tables if folder else exporter.tables[:1])


def _filters(wished: Filters, exporter: Exporter, store: Store) -> Filters:
    if wished.runs or not exporter.latest:
        return wished
    return Filters(
        runs=(store.latest_run(),), games=wished.games, tags=wished.tags, agents=wished.agents, best=wished.best
    )


def _empty(reader: Reader, split: splits.Split | None) -> Iterator[str]:
    """Yield which splits no game or agent falls into."""
    if split is None:
        return
    for name in split.names:
        if name not in reader.filled:
            yield f"no match is in the split {name!r}: a hash of each {split.by}'s name chooses, and there are few"
