"""Which files of the machine a contained agent may read: its interpreter, libraries, packages; nothing else."""

from __future__ import annotations

import functools
import os
import shutil
import sys
import sysconfig
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib64", "/etc/ld.so.cache", "/nix/store", "/gnu/store")
_OF_PROGRAMS = (
    "/usr/lib",
    "/usr/libexec",
    "/usr/local/lib",
    "/usr/share/games",  # books and tables of engines
    "/usr/share/nodejs",
    "/usr/share/zoneinfo",
    "/etc/alternatives",
    "/etc/ssl/openssl.cnf",
)
_ZONES = "/usr/share/zoneinfo"
_OURS = ("evalengine", "evalengine_host", "evalengine_games", "msgpack")
_MOST_LINKS = 40
_SHELLS = {"sh", "bash", "dash", "zsh"}
_SYSTEM_LIBRARIES = (Path("/usr/lib"), Path("/lib"))


@functools.cache
def of_python() -> tuple[str, ...]:
    """Return what a Python agent may read: the interpreter's own folders, its packages and shared libraries.

    Folders that a .pth file adds are not among them: a package that is edited in place lies with all that is beside it.
    """
    paths = sysconfig.get_paths()
    found = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    base = Path(sys.base_prefix)
    found += [str(base / "lib" / f"python3{part}") for part in (f".{sys.version_info[1]}", "")]
    found += [str(file) for file in base.glob("lib/libpython*")] if base != Path("/usr") else []
    found += [str(place) for name in _OURS if (place := _package(name)) is not None]
    return (*found, *_shared_libraries(), _ZONES)


def _package(name: str) -> Path | None:
    spec = util.find_spec(name)
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


def _shared_libraries() -> list[str]:
    machine = sysconfig.get_config_var("MULTIARCH") or ""
    own = [f"/usr/lib/{machine}"] if machine else ["/usr/lib"]
    return [*_LIBRARIES[1:], *own, *([f"/lib/{machine}"] if machine else ["/lib"])]


def of_program(argv: Sequence[str]) -> tuple[str, ...]:
    """Return what a program may read: itself, shared libraries, and what lies with its interpreter."""
    found = [*_LIBRARIES, *_OF_PROGRAMS, *(str(path) for path in Path("/etc").glob("java-*"))]
    for program in programs(argv):
        found.append(program)
        found += _beside(program)
    return tuple(found)


def programs(argv: Sequence[str]) -> list[str]:
    """Return the program that is executed, and after it the interpreter that its first line names."""
    return [argv[0], *_first_line(argv[0])[:1]]


def _beside(program: str) -> list[str]:
    """Return what an interpreter outside of the system's folders needs: its prefix's library, a virtual environment."""
    found = []
    folder = Path(program).parent
    if (folder.parent / "pyvenv.cfg").is_file():
        found += [str(folder.parent / "pyvenv.cfg"), str(folder.parent / "lib")]
    if beside := search_path_of(program):
        found.append(beside)
    return found


def resolved(argv: Sequence[str]) -> list[str]:
    """Return `argv` as it can be executed at once, without a program that finds and executes another.

    A contained program is executed once. So `#!/usr/bin/env NAME` becomes NAME; a shell script that only stands before
    a program of its name (pyenv's and asdf's shims) becomes that; and a link becomes what it leads to, unless it is of
    a virtual environment, since without /proc a program does not find what lies beside it.
    """
    argv = _without_shim(list(argv))
    words = _first_line(argv[0])
    if words and Path(words[0]).name == "env":
        asked = [word for word in words[1:] if word != "-S"]
        if asked and (found := shutil.which(asked[0])) is not None:
            argv = _without_shim([found, *asked[1:], *argv])
    if not (Path(argv[0]).parent.parent / "pyvenv.cfg").is_file():
        argv[0] = os.path.realpath(argv[0])
    return argv


def _without_shim(argv: list[str]) -> list[str]:
    words = _first_line(argv[0])
    names = {Path(word).name for word in words[:2]}
    if not names & _SHELLS:
        return argv
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        found = Path(folder, Path(argv[0]).name)
        if os.access(found, os.X_OK) and found.is_file() and not _first_line(str(found)):
            return [str(found), *argv[1:]]
    return argv


def _first_line(program: str) -> list[str]:
    """Return the words of a script's `#!` line; of a binary none."""
    try:
        with Path(program).open("rb") as file:
            first = file.readline(256)
    except OSError:
        return []
    return [os.fsdecode(word) for word in first[2:].split()] if first.startswith(b"#!") else []


def search_path_of(program: str) -> str:
    """Return the folder of libraries beside a program, "" for those of the system: without /proc $ORIGIN is unknown."""
    real = Path(os.path.realpath(program))
    beside = real.parent.parent / "lib"
    return str(beside) if real.parent.name == "bin" and beside.is_dir() and beside not in _SYSTEM_LIBRARIES else ""


def listed(paths: Iterable[str], folders: Iterable[str], argv: Sequence[str]) -> dict[str, Any]:
    """Return `paths` and `folders` as real ones, none below another, and the links on the way to them, by path.

    "executable" are those that a program needs for its one exec: itself, its interpreter and the loader.
    """
    links: dict[str, str] = {}
    real = {end for path in [*paths, *folders] if (end := _followed(path, links)) is not None}
    files = sorted(path for path in real if not any(str(above) in real for above in Path(path).parents))
    started = [os.path.realpath(path) for path in (programs(argv) if argv else [])]
    loaders = [os.path.realpath(path) for path in ("/lib64", "/lib") if os.path.exists(path)]  # noqa: PTH110
    outside = {link: to for link, to in links.items() if not any(str(above) in files for above in Path(link).parents)}
    return {"files": files, "links": outside, "executable": [*started, *loaders]}


def _followed(path: str, links: dict[str, str]) -> str | None:
    """Return where a path leads, noting the links on the way; None: nowhere."""
    left = list(Path(os.path.abspath(path)).parts[1:])  # noqa: PTH100 - a link must not be followed yet
    here = Path("/")
    for _ in range(_MOST_LINKS + len(left)):
        if not left:
            return str(here) if here.exists() else None
        step = here / left.pop(0)
        if step.is_symlink():
            target = os.readlink(step)  # noqa: PTH115 - as text
            links[str(step)] = target
            parts = Path(target).parts
            left = [*parts[1:], *left] if target.startswith("/") else [*parts, *left]
            here = Path("/") if target.startswith("/") else here
        elif step.name == "..":
            here = here.parent
        else:
            here = step
    return None
