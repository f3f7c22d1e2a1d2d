"""The floors of the house: a module imports from lower floors only, at its top, and nothing goes round in a circle."""

import ast
import graphlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = [
    ["errors", "model", "seeding"],
    ["contracts", "hookspecs", "visible", "statistics", "faults", "match_rules"],
    ["references", "expressions", "wire", "match", "database", "talk", "wardens", "tasks", "typed_actions"],
    ["plugins", "forfeits", "scopes", "fit_budget", "branches", "pictures", "played"],
    [
        "submissions",
        "store",
        "processes",
        "repeats",
        "launcher",
        "limits",
        "dialects",
        "waiting",
        "new_packages",
    ],
    ["seats", "board_lines", "rating", "planning", "clocks", "lines", "sandboxes", "watch", "adding"],
    ["agent_processes", "boards", "stopping", "stopping_rules", "exploring"],
    ["frames"],
    ["python_seats", "warm_seats", "program_seats"],
    ["together", "bait"],
    ["worker"],
    ["serving", "attacking", "checkup", "persons"],
    ["launched"],
    ["scheduler"],
    ["entry", "evidence"],
    ["replays", "agent_faults", "rounds", "run_rows", "reuse_keys"],
    ["runs"],
    ["rerating", "continuing", "outcomes", "verifying", "findings"],
    ["playing", "report"],
    ["runner", "testing", "exports", "live"],
    ["web"],
    ["cli", "proving"],
    ["__main__", "pytest_plugin"],
]
FLOOR = {f"evalengine.{name}": number for number, floor in enumerate(FLOORS) for name in floor}
ON_ONE_FLOOR = (
    "evalengine.cli",
    "evalengine.exports",
    "evalengine.live",
    "evalengine.report",
    "evalengine.statistics",
    "evalengine.testing",
    "evalengine.web",
)  # packages whose modules import one another
SLOW = {"pytest", "multiprocess", "sqlite_utils", "numpy", "rich", "trueskill", "zmq", "dill", "tomllib", "httpx"}
SLOW |= {"openskill", "evalica", "pandas", "pyarrow", "jinja2"}
SLOW |= {"starlette", "uvicorn", "websockets", "prometheus_client"}
PACKAGES = {
    "evalengine": ROOT / "src" / "evalengine",
    "evalengine_host": ROOT / "src" / "evalengine_host",
    "evalengine_games": ROOT / "games" / "evalengine_games",
}


def modules():
    """Yield (name, path) of every module that we ship."""
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            if path.parent.name == "attacks":
                continue  # data: hostile agents, which nothing imports
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


SOURCES = {name: ast.parse(path.read_text()) for name, path in modules()}
PACKAGE_MODULES = {name for name, path in modules() if path.name == "__init__.py"}


def imports(name, tree=None):
    """Yield (what is imported, the node, whether it stands at the top, whether it is for types only)."""
    yield from _imports(name, SOURCES[name] if tree is None else tree, top=True, typing=False)


def _imports(name, node, *, top, typing):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield alias.name, child, top, typing
        elif isinstance(child, ast.ImportFrom):
            assert not child.level, f"{name}:{child.lineno}: a relative import"
            for alias in child.names:
                whole = f"{child.module}.{alias.name}"
                yield (whole if whole in SOURCES else child.module), child, top, typing
        else:
            inner_typing = typing or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test))
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(name, child, top=top and not inside, typing=inner_typing)


def floor_of(name):
    """Return the floor of a module of evalengine; all of cli lies on one."""
    return FLOOR.get(".".join(name.split(".")[:2]))


def is_core(name):
    return name.startswith("evalengine.") and not name.startswith("evalengine.builtin")


CORE = [name for name in SOURCES if is_core(name)]


def test_every_module_has_its_floor():
    assert [name for name in CORE if floor_of(name) is None] == []
    assert sorted(SOURCES) != CORE


def core_imports(name):
    return [imported for imported, *_ in imports(name) if imported.split(".")[0] == "evalengine"]


def allowed(name, imported):
    if imported == "evalengine":
        return False  # the package's own names are for plugins
    if imported.startswith("evalengine.builtin"):
        return False
    if any(name.startswith(package) and imported.startswith(package) for package in ON_ONE_FLOOR):
        return True  # without a circle: see below
    return floor_of(imported) < floor_of(name)


OUTSIDE_THE_FLOORS = {
    # (module, what it takes from the package itself): the version, which has no other home.
    ("evalengine.__main__", "__version__"),
    ("evalengine.entry", "__version__"),
    ("evalengine.cli.doctor", "__version__"),
}


def from_the_package(node):
    return isinstance(node, ast.ImportFrom) and node.module == "evalengine"


@pytest.mark.parametrize("name", CORE)
def test_a_module_imports_from_lower_floors_only(name):
    for imported, node, *_ in imports(name):
        if imported.split(".")[0] != "evalengine":
            continue
        if imported == "evalengine" and from_the_package(node):
            assert {(name, alias.name) for alias in node.names} <= OUTSIDE_THE_FLOORS, f"{name}:{node.lineno}"
        else:
            assert allowed(name, imported), f"{name}:{node.lineno} imports {imported}"


def test_the_package_itself_imports_nothing_of_ours_when_it_is_loaded():
    assert {imported for imported, _, _, typing in imports("evalengine") if not typing} <= {
        "__future__",
        "importlib",
        "typing",
    }


@pytest.mark.parametrize("name", [name for name in SOURCES if name.startswith("evalengine.builtin")])
def test_bundled_plugins_use_public_names_only(name):
    for imported, node, *_ in imports(name):
        if imported.split(".")[0] == "evalengine":
            assert imported == "evalengine" or imported.startswith("evalengine.builtin"), f"{name}:{node.lineno}"
        assert imported.split(".")[0] not in ("evalengine_games", "evalengine_host"), f"{name}:{node.lineno}"


@pytest.mark.parametrize("name", [name for name in SOURCES if name.split(".")[0] == "evalengine_games"])
def test_games_use_public_names_only(name):
    for imported, node, *_ in imports(name):
        first = imported.split(".")[0]
        assert imported == "evalengine" or not first.startswith("evalengine") or first == "evalengine_games", (
            f"{name}:{node.lineno}"
        )


@pytest.mark.parametrize("name", [name for name in SOURCES if name.split(".")[0] == "evalengine_host"])
def test_what_runs_inside_an_agents_process_needs_the_standard_library_and_msgpack(name):
    import sys

    for imported, node, top, _ in imports(name):
        first = imported.split(".")[0]
        if first == "numpy":
            assert not top, f"{name}:{node.lineno}: numpy is imported where it is used"
        else:
            assert first in {*sys.stdlib_module_names, "msgpack", "evalengine_host"}, f"{name}:{node.lineno}"


def test_nothing_goes_round_in_a_circle():
    graph = {name: {imported for imported, *_ in imports(name) if imported in SOURCES} - {name} for name in SOURCES}
    graph["evalengine"] = set()  # it imports nothing when it is loaded: see above
    list(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("name", SOURCES)
def test_imports_stand_at_the_top_but_for_slow_packages_and_the_bodies_of_commands(name):
    for imported, node, top, typing in imports(name):
        first = imported.split(".")[0]
        if top:
            assert typing or (name, first) in OWN or first not in SLOW, (
                f"{name}:{node.lineno}: {first} is imported where it is used"
            )
        else:
            late = first in SLOW or name.startswith("evalengine.cli") or name == "evalengine.__main__"
            assert late or may_be_late(name, node), f"{name}:{node.lineno} imports {imported} late"


OWN = {
    # (module, the slow package that it may import at its top): each is loaded where that is in use.
    ("evalengine.pytest_plugin", "pytest"),
    ("evalengine.web.uvicorn_server", "uvicorn"),
}
LATE = {
    # (module, what it imports where it is used): each with its reason.
    ("evalengine.pytest_plugin", "evalengine"),  # every pytest run loads it, few play matches
    ("evalengine.pytest_plugin", "evalengine.errors"),  # as above
    ("evalengine_games", "evalengine_games.specs"),  # a worker loads the package with its games and lists none
    ("evalengine.web.serve", "evalengine.web.uvicorn_server"),  # its class is made of uvicorn's, which is slow
    ("evalengine.entry", "evalengine"),  # __version__: the package must not load with it
}


def may_be_late(name, node):
    module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
    return (name, module) in LATE


def test_this_test_sees_imports_wherever_they_stand():
    tree = ast.parse(
        "import a.b\nfrom c import d\nif TYPE_CHECKING:\n  import e\n"
        "def f():\n  from evalengine import plugins\n  def g():\n    import h\n"
        "class C:\n  import i\ntry:\n  import j\nexcept ImportError:\n  import k\n"
    )
    assert [(imported, top, typing) for imported, _, top, typing in imports("x", tree)] == [
        ("a.b", True, False),
        ("c", True, False),
        ("e", True, True),
        ("evalengine.plugins", False, False),
        ("h", False, False),
        ("i", True, False),
        ("j", True, False),
        ("k", True, False),
    ]
    assert not allowed("evalengine.match", "evalengine.plugins")
    assert not allowed("evalengine.errors", "evalengine.store")
    assert allowed("evalengine.store", "evalengine.errors")
