"""The plugin manager, what is registered by kind, and the messages when a name is unknown or taken twice."""

from __future__ import annotations

import importlib
import operator
import os
import re
import sys
import traceback
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from evalengine import hookspecs
from evalengine.errors import PluginError
from evalengine.model import API, GameSpec
from evalengine.references import build_game, find, one_line, split_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from evalengine.contracts import Game
    from evalengine.model import AgentSpec, JobKind, PluginSpec

ENTRY_POINTS = "evalengine"
LOCAL = "evalconf"
"""The local plugin file is LOCAL.py, the plugin's name LOCAL."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """A plugin that was left out."""

    name: str
    reason: str  # one line


class Plugins:
    """What is installed: plugins by name, and what they list by kind.

    Attributes:
        hook: pluggy's caller; broken: plugins that failed to import and were left out.
    """

    def __init__(self, wanted: Iterable[str] = (), *, local: Path | None = None) -> None:
        """Load the installed plugins, then those that are asked for, then the local file.

        Args:
            wanted: `-p` values: MODULE to add one, `no:NAME` to leave one out;
            local: an evalconf.py, see `find_local`.

        Raises:
            PluginError: a plugin that `-p` asks for, or the local file, cannot be loaded.
        """
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self.hook = self._manager.hook
        self.broken: list[Broken] = []
        wanted = list(wanted)
        blocked = {name.removeprefix("no:") for name in wanted if name.startswith("no:")}
        asked = [name for name in wanted if not name.startswith("no:")]
        self._versions: dict[str, str] = {}
        self._local: dict[str, frozenset[str]] = {}  # games by path
        self._conf: Path | None = None
        self._load_installed(blocked, asked)
        for name in asked:
            if not self._manager.has_plugin(name):
                self._load_module(name)
        if local is not None and LOCAL not in blocked:
            self._load_local(local)

    def _load_installed(self, blocked: set[str], asked: Sequence[str]) -> None:
        for entry in sorted(metadata.entry_points(group=ENTRY_POINTS), key=lambda entry: (entry.name, entry.value)):
            if entry.name in blocked:
                continue
            try:
                plugin = entry.load()
                self._manager.register(plugin, entry.name)
            except (Exception, SystemExit) as error:
                if entry.name in asked:
                    msg = f"plugin {entry.name!r} cannot be loaded: {one_line(error)}"
                    raise PluginError(msg) from error
                self.broken.append(Broken(name=entry.name, reason=one_line(error)))
                continue
            self._versions[entry.name] = entry.dist.version if entry.dist else ""

    def _load_module(self, name: str) -> None:
        try:
            plugin = importlib.import_module(name)
            if self._manager.is_registered(plugin):
                return  # installed, and asked for by its module
            self._manager.register(plugin, name)
        except (Exception, SystemExit) as error:
            msg = f"-p {name}: no installed plugin has this name and the module cannot be imported: {one_line(error)}"
            raise PluginError(msg) from error
        self._versions[name] = ""

    def _load_local(self, path: Path) -> None:
        """Register an evalconf.py, which stays importable: workers make its games.

        Raises:
            PluginError: it cannot be loaded; in one line with its file and line.
        """
        if _is_strangers(path):
            reason = f"{path} belongs to another user, whose code is not run: take it over, or start elsewhere"
            self.broken.append(Broken(name=LOCAL, reason=reason))
            return
        folder = str(path.parent)
        if folder not in sys.path:
            sys.path.append(folder)  # at the end: what lies beside it must not stand in for anybody's modules
        try:
            plugin = importlib.import_module(LOCAL)
            if Path(str(plugin.__file__)).resolve() != path.resolve():
                _refuse_module(LOCAL, str(plugin.__file__))
            self._manager.register(plugin, LOCAL)
        except (Exception, SystemExit) as error:
            told = str(error) if isinstance(error, PluginError) else one_line(error)
            if isinstance(error, SyntaxError):
                told = f"{type(error).__name__}: {error.msg}"  # the rest of its text is the file and line
            msg = f"{path}{_line_in(path, error)}: {told}. Repair it, or leave it out with '-p no:{LOCAL}'"
            raise PluginError(msg) from error
        self._versions[LOCAL] = ""
        self._conf = path

    def load_path(self, path: Path) -> frozenset[str]:
        """Register a plugin that is not installed (a file, a package or a project folder); return its games' names.

        Raises:
            PluginError: there is none, or it cannot be imported.
        """
        name = str(path)
        if name not in self._local:
            plugin = _import_from(name, *_module_at(path))
            if not self._manager.is_registered(plugin):
                self._manager.register(plugin, name)
                self._versions[name] = ""
            owner = self._manager.get_name(plugin)
            self._local[name] = frozenset(
                game for game, (_, by) in self._owned("evalengine_games", "game") if by == owner
            )
        if not self._local[name]:
            msg = f"the plugin at {name!r} lists no game of its own: it needs a hook evalengine_games"
            raise PluginError(msg)
        return self._local[name]

    @property
    def local(self) -> list[str]:
        """Paths of plugins that a person pointed at, and of the local file."""
        return [*([] if self._conf is None else [str(self._conf)]), *self._local]

    def hooks_of(self, name: str) -> list[str]:
        """Return the hooks that a plugin implements, sorted."""
        callers = self._manager.get_hookcallers(self._manager.get_plugin(name)) or []
        return sorted(caller.name for caller in callers)

    @property
    def names(self) -> dict[str, str]:
        """Versions by plugin name, "" where a plugin has none."""
        return dict(self._versions)

    def games(self) -> dict[str, GameSpec]:
        """Return the registered games by name."""
        return self._listed("evalengine_games", "game")

    def agents(self) -> dict[str, AgentSpec]:
        """Return the registered (trusted) agents by name."""
        return self._listed("evalengine_agents", "agent")

    def listed(self, kind: str) -> dict[str, PluginSpec]:
        """Return what is registered of `kind`: raters, pairings, reporters."""
        return self._listed(f"evalengine_{kind}", kind.removesuffix("s"))

    def job_kinds(self) -> dict[str, JobKind]:
        """Return the registered kinds of jobs by name."""
        return self._listed("evalengine_jobs", "kind of job")

    def routes(self, server: Any) -> list[Any]:
        """Return the routes of all plugins, in the order of registration.

        Raises:
            PluginError: a plugin failed to make them.
        """
        found: list[Any] = []
        for implementation in self.hook.evalengine_routes.get_hookimpls():
            given = {"server": server} if "server" in implementation.argnames else {}
            try:
                made: Any = implementation.function(**given)
                found += made
            except Exception as error:
                owner, told = implementation.plugin_name, one_line(error)
                msg = f"plugin {owner!r} failed in evalengine_routes: {told}. Switch it off with '-p no:{owner}'"
                raise PluginError(msg) from error
        return found

    def _listed(self, hook: str, kind: str) -> dict[str, Any]:
        return {name: spec for name, (spec, _) in self._owned(hook, kind)}

    def _owned(self, hook: str, kind: str) -> Iterable[tuple[str, tuple[Any, str]]]:
        """Return (name, (spec, the plugin that lists it)) of all that is listed."""
        found: dict[str, tuple[Any, str]] = {}
        # Registration order, not pluggy's last-in-first-out: listings read the same everywhere.
        for implementation in getattr(self.hook, hook).get_hookimpls():
            owner = implementation.plugin_name
            try:
                specs = [(spec.name, spec) for spec in implementation.function()]
            except Exception as error:
                at = f" ({self._conf}{_line_in(self._conf, error)})" if self._conf and owner == LOCAL else ""
                msg = f"plugin {owner!r} failed in {hook}{at}: {one_line(error)}. Switch it off with '-p no:{owner}'"
                raise PluginError(msg) from error
            for name, spec in specs:
                if isinstance(spec, GameSpec):
                    _check_api(spec, owner)
                if name in found:
                    msg = (
                        f"{kind} {name!r} is registered by {found[name][1]!r} and by {owner!r}. "
                        f"Uninstall one, or switch it off with '-p no:{owner}'"
                    )
                    raise PluginError(msg)
                found[name] = spec, owner
        return found.items()


def find_local(start: Path) -> Path | None:
    """Return the first evalconf.py from a folder upwards, None when there is none."""
    start = start.absolute()
    return next((path for folder in [start, *start.parents] if (path := folder / f"{LOCAL}.py").is_file()), None)


def _is_strangers(path: Path) -> bool:
    """Say whether a file is neither ours nor root's: in /tmp and the like anybody may put one above our folder."""
    return path.stat().st_uid not in {0, os.geteuid()}


def _line_in(path: Path, error: BaseException) -> str:
    """Return ":LINE" of the file that an error points at, "" when it does not."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f":{error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f":{lines[-1]}" if lines else ""


def _import_from(name: str, folder: Path, module: str) -> Any:
    """Return the module that lies in `folder`, which becomes the first place to search.

    Raises:
        PluginError: it cannot be imported, or another of its name is loaded.
    """
    sys.path.insert(0, str(folder))
    try:
        plugin = importlib.import_module(module)
        file = str(getattr(plugin, "__file__", None) or "the interpreter")
        if not Path(file).resolve().is_relative_to(folder.resolve()):
            _refuse_module(module, file)
    except (Exception, SystemExit) as error:
        sys.path.remove(str(folder))
        told = str(error) if isinstance(error, PluginError) else one_line(error)
        msg = f"the plugin at {name!r} cannot be loaded: {told}"
        raise PluginError(msg) from error
    return plugin


def _refuse_module(module: str, file: str) -> None:
    msg = f"another module {module!r} is loaded, from {file}: rename one"
    raise PluginError(msg)


_RANGE = re.compile(r"\s*(?P<sign>[<>]=?|[=!]=)\s*(?P<version>\d+(?:\.\d+)?)\s*")
_COMPARE: Mapping[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def fits_api(text: str, version: tuple[int, int]) -> bool:
    """Say whether a version is in a range: comparisons that all hold, ">=0.1,<2"; "1" is any minor version of it.

    Raises:
        ValueError: it is no range.
    """
    for part in text.split(",") if text.strip() else ():
        found = _RANGE.fullmatch(part)
        if found is None:
            raise ValueError(part)
        wanted = tuple(map(int, found["version"].split(".")))
        if not _COMPARE[found["sign"]](version[: len(wanted)], wanted):
            return False
    return True


def _check_api(spec: GameSpec, owner: str) -> None:
    try:
        fits = fits_api(spec.api, API)
    except ValueError:
        msg = f"game {spec.name!r} of plugin {owner!r}: api {spec.api!r} is no range like '>=0.1,<2'"
        raise PluginError(msg) from None
    if not fits:
        msg = (
            f"plugin {owner!r} needs evalengine API {spec.api} for game {spec.name!r}, this is {API[0]}.{API[1]}: "
            f"upgrade, or switch it off with '-p no:{owner}'"
        )
        raise PluginError(msg)


def _module_at(path: Path) -> tuple[Path, str]:
    """Return the search path and the name of the plugin module at `path`.

    A file is a module; a folder is a package, or a project whose pyproject.toml names the module as an entry point.
    """
    path = path.expanduser().absolute()
    if path.is_file() and path.suffix == ".py":
        return path.parent, path.stem
    if (path / "__init__.py").is_file():
        return path.parent, path.name
    project = path / "pyproject.toml"
    if project.is_file():
        for module in _entry_points(project):
            for folder in (path / "src", path):
                if (folder / module.partition(".")[0]).exists() or (folder / f"{module}.py").is_file():
                    return folder, module
    msg = f"there is no plugin at {str(path)!r}: a .py file, a package, or a project with entry points {ENTRY_POINTS!r}"
    raise PluginError(msg)


def _entry_points(project: Path) -> list[str]:
    """Return the modules that a pyproject.toml names as plugins.

    Raises:
        PluginError: it cannot be read.
    """
    import tomllib

    try:
        value: Any = tomllib.loads(project.read_text("utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{str(project)!r} cannot be read: {one_line(error)}"
        raise PluginError(msg) from error
    for key in ("project", "entry-points", ENTRY_POINTS):
        value = value.get(key) if isinstance(value, dict) else None
    return [module for module in value.values() if isinstance(module, str)] if isinstance(value, dict) else []


def load_game(name: str, **config: Any) -> Game:
    """Return a registered game by name, `PREFIX:NAME` or `NAME(key=value)`, configured.

    Raises:
        UnknownNameError: nobody registers it; ConfigError: a parameter is wrong.
    """
    bare, written = split_reference(name)
    spec = find("game", bare, Plugins().games(), "evalengine games")
    return build_game(spec, {**written, **config})


def tags_of(spec: GameSpec) -> tuple[str, ...]:
    """Return a game's tags: its own, and those that follow from its fields, sorted."""
    follows = {
        "hidden": spec.information == "hidden",
        "chance": spec.chance,
        "simultaneous": spec.dynamics == "simultaneous",
        "teams": spec.teams,
        "multiplayer": spec.max_seats > 2,  # noqa: PLR2004 - more than two seats is what the word means
    }
    return tuple(sorted({*spec.tags, *(tag for tag, holds in follows.items() if holds)}))


def words_of(spec: GameSpec) -> frozenset[str]:
    """Return the words an expression may use of a game: name, tags, dynamics, information, utility.

    "searchable" is the word for games whose `observation.state` exists.
    """
    searchable = spec.clone != "none" and (spec.information == "perfect" or spec.sample)
    words = {spec.name, *tags_of(spec), spec.dynamics, spec.information, spec.utility}
    return frozenset(words | {"searchable"} if searchable else words)
