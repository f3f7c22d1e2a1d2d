"""`evalengine.load`: a database in Python and in notebooks."""

import json
import sqlite3
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from commandline import environment

import evalengine
from evalengine.exports.loading import Records
from evalengine.exports.tables import TABLES


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    path = tmp_path_factory.mktemp("load") / "a<b>.db"
    evalengine.run("tictactoe", ["random", "first"], n=10, seed=3, db=path, workers=1)
    evalengine.run("tictactoe or rps", ["random", "first", "greedy"], n=12, seed=4, db=path, workers=1)
    return path


def test_tables_are_data_frames_with_the_exported_columns(db):
    pandas = pytest.importorskip("pandas")
    arena = evalengine.load(db)
    for name, table in TABLES.items():
        frame = getattr(arena, name)
        assert isinstance(frame, pandas.DataFrame)
        assert list(frame.columns) == [column.name for column in table.columns]
        assert len(frame) == sum(1 for _ in arena.records(name)) > 0
    with sqlite3.connect(db) as opened:
        (total,) = opened.execute("select sum(wins) from v_standings").fetchone()
    opened.close()
    assert arena.standings["wins"].sum() == total
    assert arena.matches.groupby("run").size().to_dict() == {1: 10, 2: 12}


def test_without_pandas_there_are_plain_records(db):
    code = (
        "import sys, json\nsys.modules['pandas'] = None\nimport evalengine\n"
        "arena = evalengine.load(sys.argv[1], run=1)\n"
        "print(type(arena.matches).__mro__[1].__name__, json.dumps(arena.matches), arena.matches._repr_html_()[:7])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, db], capture_output=True, text=True, check=True, env=environment()
    )
    kind, rows, html = done.stdout.split(" ", 1)[0], *done.stdout.split(" ", 1)[1].rsplit(" ", 1)
    assert kind == "list"
    assert json.loads(rows) == list(evalengine.load(db, run=1).records("matches"))
    assert html == "<table>\n"


def test_filters_are_those_of_export(db):
    rows = list(evalengine.load(db, run=[2], game="rps", agent=["greedy"]).records("matches"))
    assert rows
    assert all(row["run"] == 2 and row["game"] == "rps" and "greedy" in row["agents"] for row in rows)
    with pytest.raises(evalengine.UsageError, match='Did you mean "rps"'):
        evalengine.load(db, game="rpss").matches  # noqa: B018 - reading is the test
    with pytest.raises(evalengine.UsageError, match='no table "match"'):
        list(evalengine.load(db).records("match"))


def test_nothing_is_read_before_it_is_asked_for_and_a_new_run_is_seen(db):
    arena = evalengine.load(db)
    before = sum(1 for _ in arena.records("runs"))
    evalengine.run("tictactoe", ["random", "first"], n=2, db=db, workers=1)
    assert sum(1 for _ in arena.records("runs")) == before + 1


def test_a_database_that_is_not_there_is_said_at_once(tmp_path):
    with pytest.raises(evalengine.UsageError, match="there is no database"):
        evalengine.load(tmp_path / "no.db")
    assert not list(tmp_path.iterdir())


def content(db):
    """Return all that is stored; not the file's bytes, which a checkpoint of the log before it changes."""
    with sqlite3.connect(db) as opened:
        told = list(opened.iterdump())
    opened.close()
    return told


def test_reading_changes_nothing(db):
    before = content(db)
    arena = evalengine.load(db)
    for name in TABLES:
        list(arena.records(name))
    arena._repr_html_()
    assert content(db) == before


class Tags(HTMLParser):
    """Collects tags and texts."""

    def __init__(self):
        super().__init__()
        self.tags, self.texts = set(), []

    def handle_starttag(self, tag, attrs):
        assert not attrs
        self.tags.add(tag)

    def handle_data(self, data):
        self.texts.append(data)


def test_a_notebook_sees_tables_and_no_tag_from_outside(db):
    parser = Tags()
    parser.feed(evalengine.load(db)._repr_html_())
    assert parser.tags == {"h3", "h4", "table", "thead", "tbody", "tr", "th", "td"}
    assert any("a<b>.db" in text for text in parser.texts)
    assert {"random", "first"} <= set(parser.texts)
    shown = Tags()
    shown.feed(Records([{"x": "<script>alert(1)</script>" + "y" * 99}] * 30, ["x"])._repr_html_())
    assert "script" not in shown.tags
    assert "30 rows" in shown.texts
    assert repr(evalengine.load(db)).startswith("<evalengine arena ")
