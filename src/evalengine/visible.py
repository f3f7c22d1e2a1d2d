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
    "/usr/share/nodejs",
    "/usr/share/zoneinfo",
    "/etc/alternatives",
)
_ZONES = "/usr/share/zoneinfo"
_OURS = ("evalengine", "evalengine_host", "evalengine_games", "msgpack")
_MOST_LINKS = 40


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
    try:
        with Path(argv[0]).open("rb") as file:
            first = file.readline(256)
    except OSError:
        return [argv[0]]
    words = first[2:].split() if first.startswith(b"#!") else []
    return [argv[0], *(os.fsdecode(word) for word in words[:1])]


def _beside(program: str) -> list[str]:
    """Return what an interpreter outside of the system's folders needs: its prefix's library, a virtual environment."""
    found = []
    folder = Path(program).parent
    if (folder.parent / "pyvenv.cfg").is_file():
        found += [str(folder.parent / "pyvenv.cfg"), str(folder.parent / "lib")]
    real = Path(os.path.realpath(program))
    if real.parent.name == "bin" and real.parent.parent not in (Path("/usr"), Path("/")):
        found.append(str(real.parent.parent / "lib"))
    return found


def resolved(argv: Sequence[str]) -> list[str]:
    """Return `argv` with what `#!/usr/bin/env NAME` stands for: a contained program can be executed once only."""
    words = programs(argv)[1:]
    if not words or Path(words[0]).name != "env":
        return list(argv)
    with Path(argv[0]).open("rb") as file:
        asked = [os.fsdecode(word) for word in file.readline(256)[2:].split()[1:] if word != b"-S"]
    found = shutil.which(asked[0]) if asked else None
    return list(argv) if found is None else [found, *asked[1:], *argv]


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
