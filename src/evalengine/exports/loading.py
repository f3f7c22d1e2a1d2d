"""`evalengine.load`: a database for notebooks, read only and lazily."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalengine import references
from evalengine.exports.choosing import Filters
from evalengine.exports.selection import Reader
from evalengine.exports.tables import TABLES
from evalengine.plugins import Plugins
from evalengine.runs import DEFAULT_DB
from evalengine.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MOST = 20  # rows that are shown
_LONGEST = 60  # characters of a cell that are shown


class Records(list[dict[str, Any]]):
    """Rows as mappings, where pandas is not installed; shows itself as a table in a notebook."""

    def __init__(self, rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
        super().__init__(rows)
        self.columns = list(columns)

    def _repr_html_(self) -> str:
        rows = [[row[name] for name in self.columns] for row in self[:_MOST]]
        more = f"<p>{len(self)} rows</p>" if len(self) > _MOST else ""
        return _html_table(self.columns, rows) + more


class Arena:
    """A database as tables: pandas data frames, or lists of mappings where pandas is not installed.

    Nothing is read before it is asked for, and each time anew: a run that is being played shows how it stands. The
    tables and their columns are those of `evalengine export`.

    Attributes:
        db: the file.
    """

    def __init__(self, db: Path, filters: Filters, plugins: Sequence[str] = ()) -> None:
        self.db = db
        self._filters = filters
        self._plugins = plugins

    @property
    def runs(self) -> Any:
        """The runs, a row each."""
        return self._table("runs")

    @property
    def matches(self) -> Any:
        """The matches that count, a row each."""
        return self._table("matches")

    @property
    def standings(self) -> Any:
        """The runs' own boards as they are stored, best first."""
        return self._table("standings")

    @property
    def ratings(self) -> Any:
        """All boards by all raters."""
        return self._table("ratings")

    @property
    def agents(self) -> Any:
        """The agents, a row for each run that they played in."""
        return self._table("agents")

    @property
    def steps(self) -> Any:
        """All steps of all matches, played again: large; `records("steps")` reads them one by one."""
        return self._table("steps")

    def records(self, table: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of a table as mappings, one at a time, in constant memory.

        Raises:
            UnknownNameError: there is no such table, run, game or agent; StoreError: no such database.
        """
        columns = [column.name for column in references.find("table", table, TABLES).columns]
        with Store(self.db, create=False) as store, store.reading():
            reader = Reader(store, Plugins(self._plugins), self._filters)
            for _, values in reader.rows(table):
                yield dict(zip(columns, values, strict=True))

    def _table(self, name: str) -> Any:
        columns = [column.name for column in TABLES[name].columns]
        rows = list(self.records(name))
        try:
            import pandas as pd
        except ImportError:
            return Records(rows, columns)
        return pd.DataFrame(rows, columns=columns)

    def __repr__(self) -> str:
        return f"<evalengine arena {str(self.db)!r}: .runs .standings .matches .ratings .agents .steps>"

    def _repr_html_(self) -> str:
        """Return the runs, and the standings of the latest that continues none, for a notebook."""
        runs = list(self.records("runs"))
        parts = [f"<h3>{escape(str(self.db))}</h3>", _shown(runs[-_MOST:], "runs")]
        own = [row["run"] for row in runs if row["kind"] == "run"] or [row["run"] for row in runs]
        if own:
            latest = own[-1]
            board = [row for row in self.records("standings") if row["run"] == latest]
            parts += [f"<h4>standings of run {latest}</h4>", _shown(board[:_MOST], "standings")]
        return "\n".join(parts)


def load(
    db: str | Path = DEFAULT_DB,
    *,
    run: int | Sequence[int] = (),
    game: str | Sequence[str] = (),
    tag: str | Sequence[str] = (),
    agent: str | Sequence[str] = (),
    best: float | None = None,
    plugins: Sequence[str] = (),
) -> Arena:
    """Return a database for reading: `runs`, `standings`, `matches`, `ratings`, `agents`, `steps` as data frames.

    Args:
        run, game, tag, agent, best: what is meant of it, one or several, as `evalengine export` takes them.
        plugins: as `-p` takes them.

    Raises:
        StoreError: there is no such database, or it is not one of ours.
    """
    with Store(Path(db), create=False):
        pass
    filters = Filters(
        runs=(run,) if isinstance(run, int) else tuple(run),
        games=_several(game),
        tags=_several(tag),
        agents=_several(agent),
        best=best,
    )
    return Arena(Path(db), filters, tuple(plugins))


def _several(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _shown(rows: Sequence[dict[str, Any]], table: str) -> str:
    columns = [column.name for column in TABLES[table].columns]
    return _html_table(columns, [[row[name] for name in columns] for row in rows])


def _html_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table whose cells are texts, whatever stands in them."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    lines = "\n".join("<tr>" + "".join(f"<td>{escape(_cell(value))}</td>" for value in row) + "</tr>" for row in rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table>"


def _cell(value: Any) -> str:
    text = "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
