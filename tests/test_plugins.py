"""The plugin manager, games by reference, their configuration, and what is said when a name is wrong."""

import importlib
import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalengine import API, ConfigError, Game, GameSpec, UsageError, load_game
from evalengine.errors import PluginError, UnknownNameError
from evalengine.plugins import Plugins, fits_api, tags_of, words_of
from evalengine.references import build_game, configured, find, one_line, split_reference

GAMES = """
from evalengine import Game, GameSpec, PluginSpec, State, hookimpl

class Nim(Game):
    def initial(self, seats, rng):
        raise NotImplementedError

    def __init__(self, heaps=3):
        self.heaps = heaps

@hookimpl
def evalengine_games():
    config = {{"heaps": {{"type": "integer", "default": 3, "minimum": 1, "maximum": 9}}}}
    fields = dict(version="1", doc="", factory=f"{{__name__}}:Nim", max_turns=9, config=config)
    return [GameSpec(name=name, **fields, **{fields}) for name in {names!r}]
"""


@pytest.fixture(autouse=True)
def _imports_as_before(monkeypatch):
    """Forget what a test imported, and its search path."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def install(tmp_path):
    """Return a function that installs a distribution with one plugin: install(name, source)."""
    site = tmp_path / "site"
    site.mkdir()
    sys.path.append(str(site))

    def install(name, source, *, version="1.5"):
        (site / f"{name}_plugin.py").write_text(source)
        info = site / f"evalengine_{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: evalengine-{name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[evalengine]\n{name} = {name}_plugin\n")
        importlib.invalidate_caches()

    return install


def listing(*names, **fields):
    return GAMES.format(names=names, fields=fields)


# ------------------------------------------------------------------------------------- installed


def test_an_installed_plugin_is_found_with_its_version_and_games(install):
    install("nims", listing("nim", "misere"))
    plugins = Plugins()
    assert plugins.names["nims"] == "1.5"
    assert {"nim", "misere", "hex"} <= set(plugins.games())
    assert plugins.hooks_of("nims") == ["evalengine_games"]
    assert plugins.broken == []
    assert load_game("nim(heaps=5)").heaps == 5


def test_a_plugin_is_left_out_when_asked(install):
    install("nims", listing("nim"))
    plugins = Plugins(["no:nims"])
    assert "nims" not in plugins.names
    assert "nim" not in plugins.games()


def test_games_are_listed_in_the_order_of_plugin_names(install):
    install("zz", listing("first"))
    install("aa", listing("second"))
    games = list(Plugins().games())
    assert games.index("second") < games.index("first")
    assert list(Plugins().names) == sorted(Plugins().names)


BROKEN = {
    "imports": ("import no_such_module_of_ours", "ModuleNotFoundError: No module named 'no_such_module_of_ours'"),
    "syntax": ("def", "SyntaxError: invalid syntax"),
    "exits": ("raise SystemExit(3)", "SystemExit: 3"),
    "hook": (
        f"{listing('nim')}\n@hookimpl\ndef evalengine_match_done(spec, result, wrong):\n    pass\n",
        "PluginValidationError",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_plugin_that_cannot_be_loaded_is_left_out_and_named(install, kind):
    source, reason = BROKEN[kind]
    install("nims", source)
    plugins = Plugins()
    assert [broken.name for broken in plugins.broken] == ["nims"]
    assert plugins.broken[0].reason.startswith(reason)
    assert "\n" not in plugins.broken[0].reason
    assert "nims" not in plugins.names
    assert "nim" not in plugins.games()
    assert "hex" in plugins.games()


@pytest.mark.parametrize("kind", BROKEN)
def test_a_plugin_that_cannot_be_loaded_is_refused_when_it_is_asked_for(install, kind):
    source, reason = BROKEN[kind]
    install("nims", source)
    with pytest.raises(PluginError, match="plugin 'nims' cannot be loaded: ") as told:
        Plugins(["nims"])
    assert reason in str(told.value)
    assert told.value.__cause__ is not None


def test_two_plugins_that_list_one_name_are_both_named(install):
    install("aa", listing("nim"))
    install("zz", listing("nim"))
    with pytest.raises(PluginError) as told:
        Plugins().games()
    assert str(told.value) == (
        "game 'nim' is registered by 'aa' and by 'zz'. Uninstall one, or switch it off with '-p no:zz'"
    )
    assert "nim" in Plugins(["no:zz"]).games()


def test_a_plugin_that_lists_a_name_twice_is_an_error(install):
    install("aa", listing("nim", "nim"))
    with pytest.raises(PluginError, match="game 'nim' is registered by 'aa' and by 'aa'"):
        Plugins().games()


def test_a_plugin_cannot_take_a_bundled_games_name(install):
    install("zz", listing("hex"))
    with pytest.raises(PluginError, match="game 'hex' is registered by 'games' and by 'zz'"):
        Plugins().games()


@pytest.mark.parametrize(
    "body",
    ["return 1 / 0", "return None", "yield 1 / 0", "return [object()]"],
    ids=["raises", "none", "late", "nameless"],
)
def test_a_hook_that_fails_names_its_plugin(install, body):
    install("nims", f"from evalengine import hookimpl\n@hookimpl\ndef evalengine_games():\n    {body}\n")
    with pytest.raises(PluginError, match=r"plugin 'nims' failed in evalengine_games: .*'-p no:nims'"):
        Plugins().games()


# --------------------------------------------------------------------------------- -p and paths


def test_a_module_can_be_added_by_its_name(tmp_path):
    sys.path.append(str(tmp_path))
    (tmp_path / "our_nims.py").write_text(listing("nim"))
    plugins = Plugins(["our_nims"])
    assert plugins.names["our_nims"] == ""
    assert "nim" in plugins.games()


def test_a_module_that_is_installed_already_can_be_asked_for_by_module_or_name():
    assert "hex" in Plugins(["games"]).games()
    assert "hex" in Plugins(["evalengine_games"]).games()


@pytest.mark.parametrize("name", ["no_such_plugin", "json.", "", "a b"])
def test_a_plugin_that_is_not_there_is_an_error_that_names_the_option(name):
    with pytest.raises(PluginError, match=f"-p {name}: no installed plugin has this name and the module cannot"):
        Plugins([name])


def write_project(folder, name, layout):
    """Write a plugin as a file, a package, or a project of one of the two layouts; return what to point at."""
    if layout == "file":
        path = folder / f"{name}.py"
        path.write_text(listing("nim"))
        return path
    home = {"package": folder, "src": folder / "project" / "src", "flat": folder / "project"}[layout] / name
    home.mkdir(parents=True)
    (home / "__init__.py").write_text(listing("nim"))
    if layout == "package":
        return home
    (folder / "project" / "pyproject.toml").write_text(
        f'[project]\n[project.entry-points.evalengine]\nnims = "{name}"\n'
    )
    return folder / "project"


@pytest.mark.parametrize("layout", ["file", "package", "src", "flat"])
def test_a_plugin_can_be_pointed_at(tmp_path, layout):
    path = write_project(tmp_path, "pointed", layout)
    plugins = Plugins()
    assert plugins.load_path(path) == {"nim"}
    assert plugins.local == [str(path)]
    assert build_game(plugins.games()["nim"], {"heaps": 2}).heaps == 2
    assert plugins.load_path(path) == {"nim"}  # once more changes nothing
    assert plugins.local == [str(path)]


def test_one_plugin_pointed_at_in_two_ways_is_one(tmp_path, monkeypatch):
    write_project(tmp_path, "pointed", "file")
    monkeypatch.chdir(tmp_path)
    plugins = Plugins()
    assert plugins.load_path(tmp_path / "pointed.py") == {"nim"}
    assert plugins.load_path((tmp_path / "pointed.py").relative_to(tmp_path)) == {"nim"}


def test_two_files_of_one_name_are_told_apart(tmp_path):
    for folder, game in (("one", "nim"), ("two", "misere")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "pointed.py").write_text(listing(game))
    plugins = Plugins()
    assert plugins.load_path(tmp_path / "one" / "pointed.py") == {"nim"}
    with pytest.raises(PluginError, match=r"two/pointed.py.*another module 'pointed' is loaded.*rename"):
        plugins.load_path(tmp_path / "two" / "pointed.py")


def test_a_file_with_the_name_of_a_library_is_not_mistaken_for_it(tmp_path):
    (tmp_path / "json.py").write_text(listing("nim"))
    with pytest.raises(PluginError, match=r"another module 'json' is loaded.*rename"):
        Plugins().load_path(tmp_path / "json.py")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import no_such_module_of_ours", "cannot be loaded: ModuleNotFoundError"),
        ("raise SystemExit(3)", "cannot be loaded: SystemExit: 3"),
        ("x = 1", "lists no game of its own: it needs a hook evalengine_games"),
    ],
)
def test_a_file_that_is_no_plugin_is_an_error_that_says_why(tmp_path, source, says):
    path = tmp_path / "pointed.py"
    path.write_text(source)
    plugins, before = Plugins(), list(sys.path)
    for _ in range(2):
        with pytest.raises(PluginError, match=says):
            plugins.load_path(path)
    assert "hex" in plugins.games()
    if "cannot be loaded" in says:
        assert sys.path == before


@pytest.mark.parametrize("name", ["missing.py", "missing", "empty", "notes.txt"])
def test_where_there_is_no_plugin_the_error_says_what_one_is(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(PluginError, match=r"there is no plugin at .*: a .py file, a package, or a project"):
        Plugins().load_path(tmp_path / name)


@pytest.mark.parametrize(
    "text", ["[project", "[project]\nentry-points = 3", "\x00", "[project.entry-points]\nevalengine = 3"]
)
def test_a_project_file_that_cannot_be_read_is_a_plugin_error(tmp_path, text):
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(PluginError, match=r"pyproject.toml|there is no plugin"):
        Plugins().load_path(tmp_path)


# -------------------------------------------------------------------------------------- the API


def test_the_api_range_of_a_game_is_held(install):
    install("nims", listing("nim", api=">=0.3"))
    with pytest.raises(PluginError) as told:
        Plugins().games()
    ours = ".".join(map(str, API))
    assert str(told.value) == (
        f"plugin 'nims' needs evalengine API >=0.3 for game 'nim', this is {ours}: "
        "upgrade, or switch it off with '-p no:nims'"
    )
    assert "nim" not in Plugins(["no:nims"]).games()


def test_the_bundled_games_fit_the_api():
    assert all(fits_api(spec.api, API) for spec in Plugins().games().values())
    assert "nim" not in Plugins().games()


@pytest.mark.parametrize(
    ("text", "version", "fits"),
    [
        (">=0.1", (0, 1), True),
        (">=0.1", (0, 0), False),
        (">=0.1,<2", (1, 99), True),
        (">=0.1,<2", (2, 0), False),
        (" >= 0.1 , < 2 ", (1, 0), True),
        (">0.9", (0, 10), True),  # numbers, not text
        ("<=1", (1, 5), True),  # without a minor version: any of that major one
        ("==1", (1, 5), True),
        ("==1.2", (1, 5), False),
        ("!=1.2", (1, 2), False),
        (">1", (1, 5), False),
        ("", (1, 5), True),
    ],
)
def test_a_range_is_comparisons_that_all_hold(text, version, fits):
    assert fits_api(text, version) is fits


@pytest.mark.parametrize("text", ["0.3", "~=0.3", ">=0.1;<2", ">=", ">=0.1.2", ">=a", ">=0.1,"])
def test_what_is_no_range_is_the_plugins_error(install, text):
    install("nims", listing("nim", api=text))
    with pytest.raises(PluginError, match=r"game 'nim' of plugin 'nims': api .* is no range"):
        Plugins().games()


# ------------------------------------------------------------------------------ games by reference


def test_a_game_is_loaded_by_name_with_its_defaults():
    game = load_game("connect4")
    assert isinstance(game, Game)
    assert game.spec.name == "connect4"
    assert game.config == {name: schema["default"] for name, schema in game.spec.config.items()}


def test_a_game_is_configured_in_its_name_or_by_keywords():
    assert load_game("hex(size=5)").config == load_game("hex", size=5).config
    assert load_game(" hex( size = 5 ) ").config["size"] == 5
    assert load_game("hex(size=5)", size=7).config["size"] == 7
    assert load_game("hex()").config == load_game("hex").config


def test_a_name_that_nobody_registers_suggests_a_near_one():
    with pytest.raises(UnknownNameError) as told:
        load_game("conect4")
    assert str(told.value) == 'no game "conect4". Did you mean "connect4"? See: evalengine games'
    with pytest.raises(UnknownNameError) as told:
        load_game("qqqqqq")
    assert str(told.value) == 'no game "qqqqqq". See: evalengine games'
    assert isinstance(told.value, UsageError)


@pytest.mark.parametrize("ref", ["", "()", "hex(", "hex)", "a b", "hex(size=5) or rps", "hex(1)(2)"])
def test_what_is_no_reference_is_a_config_error(ref):
    with pytest.raises(ConfigError):
        load_game(ref)


@pytest.mark.parametrize(
    "inner",
    [
        "5",
        "size",
        "size=",
        "**{}",
        "size=print()",
        "size=5, size=6",
        "size=a.b",
        "size=5)(",
        "=5",
        "(" * 500,
        "a=" + "-" * 9999,
    ],
)
def test_a_configuration_that_cannot_be_read_says_how_to_write_it(inner):
    with pytest.raises(ConfigError, match=r"key=value|is not a name or NAME"):
        load_game(f"hex({inner})")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("2.5", 2.5),
        ("True", True),
        ("None", None),
        ("'a b'", "a b"),
        ("word", "word"),
        ("[1, 2]", [1, 2]),
    ],
)
def test_values_are_literals_or_bare_words(text, value):
    name, config = split_reference(f"openspiel:x(key={text})")
    assert name == "openspiel:x"
    assert config == {"key": value}
    assert type(config["key"]) is type(value)


def test_the_error_of_a_wrong_parameter_has_a_near_name_and_all_that_it_takes():
    with pytest.raises(ConfigError) as told:
        load_game("hex(sice=5)")
    assert str(told.value).startswith('no parameter of game \'hex\' "sice". Did you mean "size"? It takes: size=11')
    with pytest.raises(ConfigError, match="It takes: none"):
        load_game("tictactoe(size=5)")


NUMBER = {"type": "number", "default": 1.5, "minimum": 0, "maximum": 2}
SCHEMAS = {
    "count": {"type": "integer", "default": 3, "minimum": 1, "maximum": 9},
    "least": {"type": "integer", "default": 3, "minimum": 1},
    "share": NUMBER,
    "swap": {"type": "boolean", "default": False},
    "word": {"type": "string", "default": "a", "enum": ["a", "b"]},
    "any": {"default": None},
    "most": {"type": "number", "default": 0, "maximum": 5},
}


@pytest.mark.parametrize(
    "config",
    [
        {"count": 1},
        {"count": 9},
        {"share": 1},  # a whole number is a number
        {"share": 0.0},
        {"swap": True},
        {"word": "b"},
        {"any": [1]},
        {"least": 10**9},
        {"most": -math.inf},
    ],
)
def test_values_of_their_type_and_range_are_taken(config):
    assert configured("x", SCHEMAS, config) == {name: schema["default"] for name, schema in SCHEMAS.items()} | config


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"count": 0}, "game 'x': count must be from 1 to 9, not 0"),
        ({"count": 10}, "game 'x': count must be from 1 to 9, not 10"),
        ({"count": 2.0}, "game 'x': count must be of type integer, not 2.0"),
        ({"count": True}, "game 'x': count must be of type integer, not True"),
        ({"count": "2"}, "game 'x': count must be of type integer, not '2'"),
        ({"share": True}, "game 'x': share must be of type number, not True"),
        ({"share": math.nan}, "game 'x': share must be from 0 to 2, not nan"),
        ({"most": math.nan}, "game 'x': most must be at most 5, not nan"),
        ({"swap": 1}, "game 'x': swap must be of type boolean, not 1"),
        ({"word": "c"}, "game 'x': word must be one of 'a', 'b', not 'c'"),
        ({"least": 0}, "game 'x': least must be at least 1, not 0"),
        ({"most": 6}, "game 'x': most must be at most 5, not 6"),
    ],
)
def test_values_of_another_type_or_range_are_refused(config, says):
    with pytest.raises(ConfigError) as told:
        configured("game 'x'", SCHEMAS, config)
    assert str(told.value) == says


def test_a_parameter_without_a_default_must_be_given():
    schemas = {"path": {"type": "string"}}
    assert configured("game 'x'", schemas, {"path": "p"}) == {"path": "p"}
    with pytest.raises(ConfigError, match="game 'x': path must be given"):
        configured("game 'x'", schemas, {})


def a_spec(**fields):
    return GameSpec(**{"name": "x", "version": "1", "doc": "", "factory": "json:loads", "max_turns": 1, **fields})


@pytest.mark.parametrize("factory", ["json:no_such", "no_such_module:X", "json", "", "no_such_module_of_ours:"])
def test_a_factory_that_cannot_be_imported_names_the_game(factory):
    with pytest.raises(PluginError, match=r"game 'x': its factory .* cannot be imported"):
        build_game(a_spec(factory=factory), {})


def test_a_factory_that_makes_no_game_is_a_plugin_error():
    with pytest.raises(PluginError, match="game 'x': its factory 'builtins:dict' makes a dict, not a Game"):
        build_game(a_spec(factory="builtins:dict"), {})


# ----------------------------------------------------------------------------------------- words


def test_tags_follow_from_the_fields_and_are_not_typed():
    spec = a_spec(information="hidden", chance=True, dynamics="simultaneous", teams=True, max_seats=4, tags=("own",))
    assert tags_of(spec) == ("chance", "hidden", "multiplayer", "own", "simultaneous", "teams")
    assert tags_of(a_spec()) == ()


def test_words_of_a_game_are_what_an_expression_may_use():
    assert words_of(a_spec(tags=("own",))) == {"x", "own", "sequential", "perfect", "zero", "searchable"}
    assert "searchable" not in words_of(a_spec(clone="none"))
    assert "searchable" not in words_of(a_spec(information="hidden"))
    assert "searchable" in words_of(a_spec(information="hidden", sample=True))


def test_an_exception_is_one_line():
    assert one_line(ValueError("first\nsecond")) == "ValueError: first"
    assert one_line(ValueError()) == "ValueError"
    assert one_line(ValueError("\n\n")) == "ValueError"


@given(st.text(max_size=20), st.lists(st.text(max_size=10), max_size=5))
def test_a_name_is_found_or_an_unknown_name_error(name, known):
    known = {key: key for key in known}
    if name in known:
        assert find("thing", name, known) == name
    else:
        with pytest.raises(UnknownNameError):
            find("thing", name, known)
