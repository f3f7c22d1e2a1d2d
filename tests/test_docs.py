"""Everything public is documented, and what the documentation says is run."""

import ast
import importlib.util
import inspect
import re
import sqlite3

import click
import pytest
from blocks import ROOT, blocks_of, run
from commandline import LEFT_OUT
from test_floors import FLOORS

import evalengine
from evalengine import cli, database, errors, hookspecs, model, wire
from evalengine.plugins import Plugins
from evalengine_host import protocol

DOCS = ROOT / "docs"
PAGES = {page.stem: page.read_text(encoding="utf-8") for page in sorted(DOCS.glob("*.md"))}
COMMANDS = {name: cli.evalengine.get_command(None, name) for name in cli._COMMANDS}


def rows_of(text):
    """Return the rows of all tables in a text, as lists of cells."""
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines() if "|" in line]


def section_of(page, heading):
    """Return what stands below a heading, up to the next."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", PAGES[page], re.MULTILINE | re.DOTALL)
    assert found, f"docs/{page}.md has no heading {heading!r}"
    return found[1]


def names_in(text):
    """Return what stands between backticks."""
    return set(re.findall(r"`([^`\n]+)`", text))


# ------------------------------------------------------------------------------ all is there

HOOKS = [name for name, value in vars(hookspecs).items() if hasattr(value, f"{hookspecs.PROJECT}_spec")]


def test_there_are_hooks():
    assert "evalengine_games" in HOOKS
    assert all(name.startswith("evalengine_") for name in HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented(hook):
    assert f".. autofunction:: evalengine.hookspecs.{hook}\n" in PAGES["hooks"]
    doc = inspect.getdoc(getattr(hookspecs, hook))
    assert doc
    assert doc.split("\n", maxsplit=1)[0].endswith(".")


def test_no_hook_is_documented_that_does_not_exist():
    assert set(re.findall(r"evalengine\.hookspecs\.(\w+)", PAGES["hooks"])) == set(HOOKS)


@pytest.mark.parametrize("name", evalengine.__all__)
def test_every_public_name_is_documented(name):
    page = PAGES["python"]
    directive = rf"^(\.\. auto(function|class|exception):: evalengine\.{name}|:pyobject: {name})$"
    assert re.search(directive, page, re.MULTILINE) or f"`evalengine.{name}`" in page


def test_every_value_that_is_shown_from_the_source_is_public():
    shown = re.findall(r"^:pyobject: (\w+)$", PAGES["python"], re.MULTILINE)
    assert set(shown) <= set(evalengine.__all__)
    assert len(shown) == len(set(shown))


def test_the_command_line_reference_is_made_of_all_commands():
    assert ".. click:: evalengine.cli:evalengine" in PAGES["cli"]
    assert ":nested: full" in PAGES["cli"]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name):
    command = COMMANDS[name]
    assert command.help
    others = "".join(text for page, text in PAGES.items() if page != "cli")
    assert f"evalengine {name}" in others, "the generated reference is not enough: a page must show it"
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts} has no help"


def keys_of(command):
    """Return by parameter what a settings file may call it."""
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield parameter, {opt.lstrip("-") for opt in parameter.opts}
        else:
            yield parameter, {parameter.name}


NOT_KEYS = {"c", "rootdir", "o"}  # they choose the settings themselves


def test_every_option_of_run_is_a_documented_key():
    documented = [names_in(row[0]) for row in rows_of(section_of("configuration", "Keys"))]
    every = set().union(*documented)
    for parameter, keys in keys_of(COMMANDS["run"]):
        assert keys <= every | NOT_KEYS, f"{parameter.opts} is missing in docs/configuration.md"
    assert every - set().union(*(keys for _, keys in keys_of(COMMANDS["run"]))) == set()


ERRORS = {
    name: value for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)
}


def test_every_error_is_documented_with_its_exit_code_and_place_in_the_tree():
    rows = [row for row in rows_of(PAGES["errors"]) if re.search(r"`\w+Error`$", row[0])]
    documented = {row[0].rsplit("`", 2)[1]: (row[0].count("\N{EN DASH}"), int(row[1])) for row in rows}
    depth = {
        name: len([base for base in value.__mro__ if base in ERRORS.values()]) - 1 for name, value in ERRORS.items()
    }
    assert documented == {name: (depth[name], int(value.exit_code)) for name, value in ERRORS.items()}


def test_every_exit_code_is_documented():
    documented = {int(row[0]) for row in rows_of(PAGES["errors"]) if row[0].isdecimal()}
    assert documented == {int(code) for code in errors.ExitCode}


@pytest.mark.parametrize("kind", [*model.FaultKind, *model.Termination])
def test_every_kind_of_fault_and_of_end_is_documented(kind):
    assert f"`{kind.value}`" in PAGES["errors"]


def schema():
    """Return the columns of every table and view of a fresh database."""
    with sqlite3.connect(":memory:") as db:
        for path in sorted(database.MIGRATIONS.glob("*.sql")):
            db.executescript(path.read_text())
        names = [name for (name,) in db.execute("select name from sqlite_master where type in ('table', 'view')")]
        columns = {name: {row[1] for row in db.execute(f"pragma table_info({name})")} for name in names}
    db.close()
    return columns


@pytest.mark.parametrize(("name", "columns"), schema().items())
def test_every_table_and_view_is_documented_with_its_columns(name, columns):
    told = section_of("database", name)
    missing = columns - names_in(told)
    assert not missing
    in_table = set().union(*(names_in(row[0]) for row in rows_of(told)))
    assert in_table <= columns, "a column is documented that does not exist"


def test_the_schema_number_is_documented():
    assert f"the schema's number, {database.SCHEMA}," in PAGES["database"]


def kinds_of(module):
    """Return the message kinds of a module: its whole numbers in capitals that are assigned as one group."""
    tree = ast.parse(inspect.getsource(module))
    groups = [node.targets[0] for node in tree.body if isinstance(node, ast.Assign)]
    names = [name.id for group in groups if isinstance(group, ast.Tuple) for name in group.elts]
    return {name: getattr(module, name) for name in names}


@pytest.mark.parametrize(
    ("module", "heading"),
    [(wire, "Scheduler and workers"), (protocol, "A worker and a Python agent's process")],
    ids=["wire", "protocol"],
)
def test_every_message_is_documented(module, heading):
    kinds = kinds_of(module)
    assert len(kinds) >= 5
    told = section_of("wire", heading)
    documented = {row[0].strip("`"): int(row[1]) for row in rows_of(told) if row[1].isdecimal()}
    assert documented == kinds
    assert f"Version {module.VERSION}." in told


def test_every_bundled_game_is_documented_as_it_is():
    rows = {row[0].strip("`"): row for row in rows_of(PAGES["games"]) if len(row) == 5 and row[0].startswith("`")}
    games = Plugins(LEFT_OUT).games()
    assert rows.keys() == games.keys()
    for name, spec in games.items():
        _, seats, parameters, opening, _ = rows[name]
        assert seats.split(" to ") == [str(count) for count in dict.fromkeys([spec.min_seats, spec.max_seats])], name
        assert int(opening) == spec.opening_turns, name
        told = {f"{key}={schema['default']}" for key, schema in spec.config.items()}
        assert names_in(parameters) - {"seats"} == told, name


def test_the_numbers_of_lines_are_those_of_the_tests():
    tables = {}
    source = ast.parse((ROOT / "tests/games/test_perft.py").read_text())
    for node in source.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "TABLES":
            tables = eval(compile(ast.Expression(node.value), "test_perft", "eval"))  # our own table
    rows = [row for row in rows_of(section_of("games", "How the rules are checked")) if row[0].startswith("`")]
    assert rows
    for name, counts, _ in rows:
        numbers = tuple(map(int, counts.split(", ")))
        assert numbers == tables[name.strip("`")][: len(numbers)]


def test_every_bundled_agent_is_documented_as_it_is():
    rows = {row[0].strip("`"): row for row in rows_of(PAGES["opponents"]) if row[0].startswith("`")}
    agents = Plugins(LEFT_OUT).agents()
    called = {}
    for name, spec in agents.items():
        inner = ", ".join(f"{key}={schema['default']}" for key, schema in spec.parameters.items())
        called[f"{name}({inner})" if inner else name] = spec
    assert rows.keys() == called.keys()
    for name, spec in called.items():
        assert rows[name][2] == ("yes" if spec.opponent else "no"), name


def test_the_floors_are_those_of_the_architecture():
    floors = []
    for row in rows_of(section_of("architecture", "Modules"))[2:]:
        if row[0]:
            floors.append(set())
        floors[-1] |= names_in(row[1])
    # The test kit has its floor before it has a module.
    there = [{name for name in floor if importlib.util.find_spec(f"evalengine.{name}")} for floor in FLOORS]
    assert floors == there


# ---------------------------------------------------------------------------- what it says runs

RUN = [name for name in PAGES if any(block.language in {"bash", "python"} for block in blocks_of(DOCS / f"{name}.md"))]

# These take seconds: they play runs, kill them, or start pytest.
LONG = {
    "replays",
    "authors",
    "resuming",
    "configuration",
    "course",
    "first-agent",
    "exports",
    "pytest",
    "stopping",
    "pairings",
}


@pytest.mark.parametrize("page", [pytest.param(page, marks=pytest.mark.slow) if page in LONG else page for page in RUN])
def test_the_code_on_a_page_runs(page, tmp_path):
    for block in blocks_of(DOCS / f"{page}.md"):
        done = run(block, tmp_path)
        if done is not None:
            told = f"docs/{page}.md:{block.line}\n{block.code}\n{done.stdout}\n{done.stderr}"
            assert done.returncode == 0, told


def test_the_single_file_game_is_written_as_the_readme_says():
    assert len((DOCS / "examples/nim.py").read_text().splitlines()) <= 45
