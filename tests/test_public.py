"""What is public: the names of `evalengine`, all of them importable, none of them imported before it is asked for."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import evalengine

INIT = Path(evalengine.__file__)


def in_a_fresh_python(code, *options):
    """Return what a new interpreter says; hash and environment of this one."""
    done = subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout, done.stderr


def test_all_public_names_are_there_and_in_order():
    assert evalengine.__all__ == sorted(set(evalengine.__all__))
    assert dir(evalengine) == evalengine.__all__


@pytest.mark.parametrize("name", evalengine.__all__)
def test_a_public_name_can_be_imported_and_is_described(name):
    value = getattr(evalengine, name)
    assert name in vars(evalengine)  # found without __getattr__ the next time
    if isinstance(value, type):
        assert value.__name__ == name
    if callable(value):
        assert value.__doc__


def test_what_a_type_checker_sees_is_what_is_there():
    tree = ast.parse(INIT.read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {}
    for node in block.body:
        for alias in node.names:
            assert alias.asname == alias.name  # "import X as X" is how a name is exported
            seen[alias.name] = node.module
    assert sorted({*seen, "__version__"}) == evalengine.__all__
    for name, module in seen.items():
        assert getattr(sys.modules.get(module) or __import__(module, fromlist=["x"]), name) is getattr(evalengine, name)


def test_no_public_name_comes_from_a_private_place():
    for name in evalengine.__all__:
        assert not name.startswith("_") or name == "__version__"


def test_another_name_is_an_attribute_error_that_says_so():
    with pytest.raises(AttributeError, match="module 'evalengine' has no attribute 'Mtach'"):
        evalengine.Mtach  # noqa: B018 - the access is the test
    with pytest.raises(ImportError, match="Mtach"):
        exec("from evalengine import Mtach")


def test_a_star_import_brings_the_public_names():
    names = {}
    exec("from evalengine import *", names)
    assert set(evalengine.__all__) <= set(names)


def test_nothing_is_imported_with_the_package():
    _, told = in_a_fresh_python("import evalengine", "-X", "importtime")
    _, without = in_a_fresh_python("import importlib, typing", "-X", "importtime")
    loaded = {line.rpartition("|")[2].strip() for line in told.splitlines()}
    assert "evalengine" in loaded
    before = {line.rpartition("|")[2].strip() for line in without.splitlines()}
    assert loaded - before <= {"evalengine", "__future__"}


@pytest.mark.parametrize(
    ("code", "modules"),
    [
        ("evalengine.Game", {"contracts", "errors", "model", "seeding"}),
        ("evalengine.GameSpec", {"model"}),
        ("evalengine.derive", {"seeding"}),
        ("evalengine.GameError", {"errors"}),
        ("evalengine.Match", {"match", "match_rules", "faults", "contracts", "errors", "model", "seeding"}),
    ],
)
def test_a_name_brings_only_what_it_needs(code, modules):
    said, _ = in_a_fresh_python(f"import evalengine, sys\n{code}\nprint(*sys.modules)")
    loaded = {name for name in said.split() if name.startswith("evalengine.")}
    assert loaded == {f"evalengine.{module}" for module in modules}
    assert not {"pluggy", "msgpack", "click", "numpy", "zmq"} & set(said.split())


def test_the_version_is_the_one_of_the_distribution():
    from importlib import metadata

    assert metadata.version("evalengine") == evalengine.__version__
    assert isinstance(evalengine.API, tuple)
    assert all(type(part) is int for part in evalengine.API)
    assert len(evalengine.API) == 2
