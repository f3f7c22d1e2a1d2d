"""A run as a folder of files that a browser opens from anywhere, without a server and without the network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol

from evalengine.report import folder, gathering, matches
from evalengine.report.pages import STATIC, Pages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from evalengine.plugins import Plugins
    from evalengine.runs import Run
    from evalengine.store import Store

DATA = "data"
MATCHES, FRAMED = 20_000, 1_000  # by default told of, and with frames

_SHARD = 100  # matches at most whose turns are in one file
_LISTED = 5_000  # rows in one file


class Written(NamedTuple):
    """What was written: matches of the run that count, those told of, those with frames; files, bytes."""

    total: int
    listed: int
    framed: int
    files: int
    size: int


class Files(Protocol):
    """Where a report goes."""

    def open(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Open a file of this name for writing; "/" in it is a folder."""


def write(
    run: Run, store: Store, plugs: Plugins, target: Path, *, most: int = MATCHES, framed: int = FRAMED,
    raters: Sequence[str] = (), db_option: str = "",
) -> Written:  # fmt: skip
    """Write the report of a run to the folder `target`, in one step.

    Args:
        most, framed: matches to tell of, and how many of them with frames; raters: others to show beside the main one;
        db_option: " --db FILE" for the commands that pages show, where it is needed.

    Raises:
        UsageError: `target` must not be replaced, or a rater does not fit; StorageError: it cannot be written.
    """
    with folder.replaced(target) as new:
        return fill(run, store, plugs, new, most=most, framed=framed, raters=raters, db_option=db_option)


def fill(
    run: Run, store: Store, plugs: Plugins, files: Files, *, most: int = MATCHES, framed: int = FRAMED,
    raters: Sequence[str] = (), db_option: str = "",
) -> Written:  # fmt: skip
    """Write the files of a report, wherever they go; what else there is to say stands at `write`."""
    site = _Site(run, store, files, db_option)
    chosen = matches.choose(run, store, most, framed)
    site.write_pages(list(gathering.boards(run, store, plugs, raters)), chosen)
    pictured = site.write_data(chosen)
    site.write_static()
    return Written(chosen.total, len(chosen.listed), pictured, len(site.sizes), sum(site.sizes.values()))


def link(kind: str, number: int = 0, **query: Any) -> str:
    """Return the address of a page from any other: all lie in one folder."""
    if kind == "agent":
        kind, query = "matches", {"agent": number}
    page = {"board": f"board-{number}.html" if number else "index.html", "static": "static/"}.get(kind, f"{kind}.html")
    told = "&".join(f"{name}={value}" for name, value in query.items() if value is not None)
    return f"{page}?{told}" if told else page


class _Site:
    """The files of a report under construction."""

    def __init__(self, run: Run, store: Store, files: Files, db_option: str) -> None:
        self._run = run
        self._store = store
        self._files = files
        self._db_option = db_option
        self._pages = Pages(link)
        self.sizes: dict[str, int] = {}  # of what was written, by name; the list of it left out

    def write_pages(self, boards: Sequence[dict[str, Any]], chosen: matches.Chosen) -> None:
        """Write all pages; matches are data for two of them."""
        facts = gathering.facts(self._run, self._store)
        numbers = {agent["name"]: number for number, agent in enumerate(facts["agents"])}
        titles = [board["scope"] or "all games" for board in boards]
        shared: dict[str, Any] = {
            "facts": facts, "db_option": self._db_option, "numbers": numbers,
            "boards": titles if len(boards) > 1 else [],
        }  # fmt: skip
        for board in boards:
            records = {**shared, "board": board, "here": f"board-{board['number']}"}
            self._write(link("board", board["number"]), self._pages.filled("board", **records))
        counts = {"total": chosen.total, "listed": len(chosen.listed), "framed": len(chosen.framed)}
        faults = gathering.faults(self._run, self._store)
        for name, more in (("matches", counts), ("match", counts), ("faults", {"faults": faults}), ("run", {})):
            self._write(link(name), self._pages.filled(name, **shared, here=name, **more))

    def write_data(self, chosen: matches.Chosen) -> int:
        """Write what pages load: rows and turns of matches, and which file has them; return how many have frames."""
        firsts: list[int] = []
        places: list[int] = []
        rows: list[list[Any]] = []
        lists = pictured = 0
        for told, record in self._shards(chosen):
            self._script(f"turns-{len(firsts)}", record)
            firsts.append(told[0][0])
            places.append(lists)
            pictured += sum("texts" in match for match in record["matches"])
            rows += told
            if len(rows) >= _LISTED:
                self._script(f"list-{lists}", rows)
                lists, rows = lists + 1, []
        if rows:
            self._script(f"list-{lists}", rows)
            lists += 1
        self._script("meta", self._meta(firsts, places, lists, pictured))
        return pictured

    def _shards(self, chosen: matches.Chosen) -> Iterator[tuple[list[list[Any]], dict[str, Any]]]:
        reader = matches.Reader(self._run, self._store, chosen)
        start = 0
        while start < len(chosen.listed):
            rows, record = reader.shard(chosen.listed[start : start + _SHARD])
            start += len(rows)
            yield rows, record

    def write_static(self) -> None:
        """Write style and scripts, and the list of all files, by which a later report knows what it may replace."""
        for path in sorted(STATIC.iterdir()):
            self._write(f"static/{path.name}", path.read_text(encoding="utf-8"))
        with self._files.open(folder.MANIFEST) as file:
            file.write(folder.manifest(self.sizes))

    def _meta(self, firsts: Sequence[int], places: Sequence[int], lists: int, framed: int) -> dict[str, Any]:
        return {
            "run": self._run.number,
            "agents": [agent.name for agent in self._run.entry.agents],
            "games": [game.ref for game in self._run.entry.games],
            "kinds": gathering.KINDS,
            "ends": matches.ENDS,
            "firsts": firsts,
            "lists": lists,
            "places": places,
            "framed": framed,
            "db": self._db_option,
        }

    def _script(self, name: str, value: Any) -> None:
        self._write(f"{DATA}/{name}.js", script(name, value))

    def _write(self, name: str, text: str) -> None:
        data = text.encode()
        self.sizes[name] = len(data)
        with self._files.open(name) as file:
            file.write(data)


def script(name: str, value: Any) -> str:
    """Return a value as a script that hands it to the page: a page from a file may load scripts, but not fetch data.

    It is ASCII without "<", so that it could stand in a page, too, whatever agents wrote.
    """
    told = json.dumps(value, separators=(",", ":")).replace("<", "\\u003c").replace("\x7f", "\\u007f")
    return f'evalengine.take("{name}",{told});\n'
