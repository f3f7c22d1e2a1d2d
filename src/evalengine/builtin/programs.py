"""Agents that are programs: `cmd:`, `plain:`, `uci:`, `xboard:`, `gtp:`. Looks at them, never runs them."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from evalengine import AgentError, AgentSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Where Debian has its games; root's PATH leaves them out.
_MORE_PLACES = ("/usr/games", "/usr/local/games")
_FIRST_LINE = 256  # bytes of it, as the kernel reads them
_SPACE = 0x20


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kind:
    """What stands before the colon.

    Attributes:
        fits: games that its agents can play; optional: whether options stand behind a question mark;
        counts: options of ours, whole numbers from 1.
    """

    dialect: str
    fits: str = ""
    optional: bool = True
    counts: tuple[str, ...] = ()


_KINDS: Mapping[str, _Kind] = {
    "cmd": _Kind(dialect="json", optional=False),
    "plain": _Kind(dialect="plain", optional=False),
    "uci": _Kind(dialect="uci", fits="uci", counts=("nodes", "depth", "movetime_ms")),
    "xboard": _Kind(dialect="xboard", fits="uci", counts=("depth", "movetime_ms")),
    "gtp": _Kind(dialect="gtp", fits="gtp"),
}


def program_of(ref: str) -> AgentSpec | None:
    """Return the agent of `KIND:PROGRAM ARGS[?OPTION=VALUE&...]`, None when it is of no such kind.

    Raises:
        AgentError: it is, and cannot be used.
    """
    prefix, _, text = ref.partition(":")
    kind = _KINDS.get(prefix)
    if kind is None:
        return None
    command, mark, tail = text.partition("?") if kind.optional else (text, "", "")
    words = _words(ref, prefix, command)
    options = dict(_options(ref, tail, kind)) if mark else {}
    named = [Path(word).stem for word in words if _exists(word)] or [Path(words[0]).name]
    folders = [name for name, value in options.items() if _is_folder(value)]
    in_place = f"{', '.join(folders)}: read in place, so results with it are never used again"
    return AgentSpec(
        name=agent_name(named[-1]),
        kind="program",
        fits=kind.fits,
        argv=(_program(ref, words[0]), *words[1:]),
        files=(
            *(word for word in words[1:] if _can_be_copied(word)),
            *(value for value in options.values() if _is_file(value)),
        ),
        dialect=kind.dialect,
        options={name: str(Path(value).absolute()) if name in folders else value for name, value in options.items()},
        note=in_place if folders else "",
        pinned=not folders,
    )


def agent_name(name: str) -> str:
    """Return a file's name as an agent's name."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "_" for c in name)[:40]
    return kept.replace("-vs-", "-vs_") or "agent"


def _words(ref: str, prefix: str, command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        msg = f"{ref!r}: {error}; write {prefix}:PROGRAM ARGS as in a shell"
        raise AgentError(msg) from None
    if not words:
        msg = f"{ref!r} names no program; write {prefix}:PROGRAM ARGS"
        raise AgentError(msg)
    return words


def _program(ref: str, word: str) -> str:
    # Not by way of a Path, which forgets the ./ that keeps a program of this folder from meaning one of the PATH.
    name = os.path.expanduser(word)  # noqa: PTH111 - see above
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(_MORE_PLACES))
    if found is None:
        msg = f"{ref!r}: the program {word!r} {_missing(name)}"
        raise AgentError(msg)
    if reason := _unusable(found):
        msg = f"{ref!r}: the program {word!r} {reason}"
        raise AgentError(msg)
    return str(Path(found).absolute())


def _missing(name: str) -> str:
    """Return why what was named is no program, and what to do."""
    try:
        mode = os.stat(name).st_mode  # noqa: PTH116 - as above
    except PermissionError:
        return "cannot be looked at: Permission denied. Check the rights of its folders"
    except OSError:
        return "was not found"
    if stat.S_ISDIR(mode):
        return "is a folder: name a file in it"
    return f"is not executable: chmod +x it, or name its interpreter first, as in python3 {shlex.quote(name)}"


def _unusable(path: str) -> str:
    """Return why the kernel will not execute a file, as far as its first line tells; nothing when it may."""
    if not Path(path).is_file():
        return "is neither a file nor a folder"  # who reads a pipe waits for ever
    try:
        with Path(path).open("rb") as file:
            line = file.readline(_FIRST_LINE)
    except OSError:  # a program of the system may be for executing only
        return ""
    if not line:
        return "is empty"
    if line.startswith(b"#!"):
        if line.endswith(b"\r\n"):
            return "has lines that end with \\r\\n: the kernel takes \\r for part of the interpreter's name; write \\n"
        interpreter = _interpreter(os.fsdecode(line[2:]).split())
        told = f"asks for the interpreter {interpreter!r}, which was not found: install it, or correct the first line"
        return told if interpreter else ""
    is_text = all(byte >= _SPACE or byte in b"\t\r\n" for byte in line)
    told = "has no first line as #!/usr/bin/env python3, and is no binary: add one, or name its interpreter first"
    return told if is_text else ""


def _interpreter(words: list[str]) -> str:
    """Return the interpreter of a script's first line if it is not there."""
    if not words or not _exists(words[0]):
        return words[0] if words else ""
    if Path(words[0]).name != "env":
        return ""
    name = next((word for word in words[1:] if not word.startswith("-") and "=" not in word), "")
    return name if name and shutil.which(name) is None else ""


def _options(ref: str, tail: str, kind: _Kind) -> Iterator[tuple[str, str]]:
    """Yield (name, value) of `NAME=VALUE&NAME=VALUE`, percent-encoding undone.

    Raises:
        AgentError: they cannot be read.
    """
    seen = set()
    for part in tail.split("&"):
        name, _, value = map(unquote, part.partition("="))
        if not name.strip() or not (name + value).isprintable():
            msg = f"{ref!r}: {part!r} is no option; write ?NAME=VALUE&NAME=VALUE"
        elif name.lower() in seen:
            msg = f"{ref!r}: the option {name!r} is given twice"
        elif name in kind.counts and not (value.isascii() and value.isdecimal() and 0 < int(value[:18]) < 1 << 53):
            msg = f"{ref!r}: {name} must be a whole number from 1, not {value!r}"
        else:
            seen.add(name.lower())
            yield name, value
            continue
        raise AgentError(msg)


def _exists(word: str) -> bool:
    try:
        return Path(word).exists()
    except OSError:  # too long for a name: a text, not a file
        return False


def _can_be_copied(word: str) -> bool:
    """Say whether a word names a file or a folder: of a pipe there is no copy, of /dev/zero no end."""
    return _exists(word) and (Path(word).is_file() or Path(word).is_dir())


def _is_file(value: str) -> bool:
    """Say whether an option names a file; a bare word is taken for one only with a suffix."""
    return ("/" in value or Path(value).suffix != "") and _exists(value) and Path(value).is_file()


def _is_folder(value: str) -> bool:
    return "/" in value and _exists(value) and Path(value).is_dir()
