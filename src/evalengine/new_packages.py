"""The package of a new game, agent or plugin, written from templates."""

from __future__ import annotations

import importlib.util
import keyword
import re
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from evalengine.errors import UsageError
from evalengine.plugins import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

    from evalengine.plugins import Plugins

KINDS = ("game", "agent", "plugin")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")
_SUFFIX = ".template"
_OWN = frozenset({"games", "host", "chess", "go", "openspiel", "pettingzoo"})  # packages evalengine_... of our own
_WORDS = frozenset({"and", "or", "not"})


def written(kind: str, name: str, folder: Path | None, plugs: Plugins) -> list[Path]:
    """Write the package of a new `kind`; return its files, the first in the folder that was made.

    Args:
        folder: what to make; None: evalengine-NAME here.

    Raises:
        UsageError: the name cannot be one, or the folder is there and not empty, or cannot be written.
    """
    check_name(kind, name, plugs)
    target = folder or Path(f"evalengine-{_dashed(name)}")
    _check_target(target)
    files = []
    try:
        for place, text in _filled(kind, name):
            path = target / place
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
            files.append(path)
    except OSError as error:
        msg = f"{target} cannot be written: {error.strerror}. Name another folder with -o"
        raise UsageError(msg) from error
    return files


def check_name(kind: str, name: str, plugs: Plugins) -> None:
    """Refuse a name that a module or a game cannot have.

    Raises:
        UsageError: it is one of those.
    """
    if not _NAME.fullmatch(name) or name.endswith("_"):
        msg = f"{name!r} cannot be the name of a {kind}: use at most 30 of a-z, 0-9 and _, a letter first"
        raise UsageError(msg)
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in _WORDS:
        msg = f"{name!r} is a word of Python or of expressions: choose another name"
        raise UsageError(msg)
    games, agents = plugs.games(), plugs.agents()
    taken = {word for spec in games.values() for word in words_of(spec)} if kind == "game" else set()
    if name in {*games, *agents, *taken, *plugs.names}:
        what = "game" if name in games else "agent" if name in agents else "tag" if name in taken else "plugin"
        msg = f"there is a {what} {name!r} already: choose another name"
        raise UsageError(msg)
    if name in _OWN or importlib.util.find_spec(f"evalengine_{name}") is not None:
        msg = f"there is a package evalengine_{name} already: choose another name"
        raise UsageError(msg)


def _check_target(target: Path) -> None:
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        msg = f"{target} is there already, and is no folder: name another with -o"
        raise UsageError(msg)
    try:
        full = target.exists() and any(target.iterdir())
    except OSError as error:
        msg = f"{target} cannot be read: {error.strerror}. Name another folder with -o"
        raise UsageError(msg) from error
    if full:
        msg = f"{target} is there already, and not empty: nothing was written. Name another folder with -o"
        raise UsageError(msg)


def _filled(kind: str, name: str) -> Iterator[tuple[PurePosixPath, str]]:
    """Yield the place and the text of each file of a package."""
    words = {"newname": name, "Newname": name.title().replace("_", ""), "new-name": _dashed(name)}
    for place, template in _templates(resources.files("evalengine") / "templates" / kind, PurePosixPath()):
        path, text = str(place).removesuffix(_SUFFIX), template
        for word, instead in words.items():
            path, text = path.replace(word, instead), text.replace(word, instead)
        yield PurePosixPath(path), text


def _templates(folder: Traversable, place: PurePosixPath) -> Iterator[tuple[PurePosixPath, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: (entry.is_dir(), entry.name)):
        if entry.is_dir():
            yield from _templates(entry, place / entry.name)
        elif entry.name.endswith(_SUFFIX):
            yield place / entry.name, entry.read_text(encoding="utf-8")


def _dashed(name: str) -> str:
    return name.replace("_", "-")
