"""From what a person points at to what is tested: a game by name or tag, a plugin by path, or an agent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evalengine import planning, references
from evalengine.errors import PluginError, UsageError
from evalengine.plugins import words_of
from evalengine.testing.subject import Subject

if TYPE_CHECKING:
    from evalengine.plugins import Plugins

_HOOK = "evalengine_games"
_AGENTS = ("agent.py", "main.py")


def projects(folder: Path) -> list[str]:
    """Return the plugin projects at a folder: itself, else those in it.

    Raises:
        UsageError: there is none.
    """
    if _is_project(folder):
        return [str(folder)]
    found = [str(path) for path in sorted(folder.iterdir()) if path.is_dir() and _is_project(path)]
    if not found:
        msg = "there is no plugin here: name a game, an agent or a path, or write one with 'evalengine new game NAME'"
        raise UsageError(msg)
    return found


def _is_project(folder: Path) -> bool:
    try:
        return "entry-points.evalengine" in (folder / "pyproject.toml").read_text("utf-8")
    except (OSError, ValueError):
        return False


def is_path(ref: str) -> bool:
    """Say whether a reference is meant as a path, or is one."""
    bare = ref.partition("(")[0]
    meant = bare.startswith((".", "/", "~")) or bare.endswith(".py") or (":" not in bare and "/" in bare)
    return meant or (":" not in ref and Path(ref).is_dir())


def is_agent(ref: str, plugs: Plugins) -> bool:
    """Say whether a reference means an agent, not a game."""
    if is_path(ref):
        path = Path(ref).expanduser()
        if not path.exists() and not Path(ref.partition("(")[0].partition(":")[0]).expanduser().exists():
            msg = f"there is nothing at {ref!r}: name a game, an agent, or a path that exists"
            raise UsageError(msg)
        if path.is_dir():
            return any((path / name).is_file() for name in _AGENTS) or not (
                _is_project(path) or (path / "__init__.py").is_file()
            )
        return not (path.suffix == ".py" and path.is_file() and _HOOK in path.read_text("utf-8", "replace"))
    games = plugs.games()
    name = ref.partition("(")[0].strip()
    if name in games or any(name in words_of(spec) for spec in games.values()):
        return False
    if "(" not in ref and " " in ref and ":" not in ref:
        return False  # an expression over tags
    if name in plugs.agents() or ":" in ref or "=" in name:
        return True
    kind, known = "game or agent", [*games, *plugs.agents()]
    raise references.unknown(kind, ref, known, "evalengine games, evalengine agents")


def subjects(ref: str, plugs: Plugins) -> list[Subject]:
    """Return the games that a name, a configured name, an expression over tags, or a plugin's path means.

    Raises:
        UnknownNameError: nobody registers it; PluginError: the path holds no plugin with games.
    """
    if is_path(ref):
        path = str(Path(ref).expanduser())
        names = plugs.load_path(Path(path))
        return [Subject(spec=spec, ref=name) for name, spec in plugs.games().items() if name in names]
    games = plugs.games()
    if ref.partition("(")[0].strip() in games:
        name, config = references.split_reference(ref)
        if "seats" not in games[name].config:
            config.pop("seats", None)
        references.configured(f"game {name!r}", games[name].config, config)
        return [Subject(spec=games[name], config=config, ref=ref)]
    found = [Subject(spec=spec) for spec in planning.select_games(ref, plugs)]
    if not found:
        msg = f"no game fits {ref!r}"
        raise PluginError(msg)
    return found
