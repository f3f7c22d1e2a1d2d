"""Agents that are programs: `cmd:`, `plain:`, `uci:`, `xboard:`, `gtp:`. Looks at them, never runs them."""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from evalengine import AgentError, AgentSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Where Debian has its games; root's PATH leaves them out.
_MORE_PLACES = ("/usr/games", "/usr/local/games")


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
            *(word for word in words[1:] if _exists(word)),
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
        reason = "is not executable" if Path(word).is_file() else "was not found"
        msg = f"{ref!r}: the program {word!r} {reason}"
        raise AgentError(msg)
    _check_interpreter(ref, Path(found))
    return str(Path(found).absolute())


def _check_interpreter(ref: str, program: Path) -> None:
    """Refuse a script whose interpreter is not here: the kernel would say that the script itself is not.

    Raises:
        AgentError: it is not here.
    """
    try:
        with program.open("rb") as file:
            first = file.read(256).split(b"\n", 1)[0]
    except OSError:  # may be executed, and not read
        return
    words = os.fsdecode(first.removeprefix(b"#!")).strip(" \t").split(" ") if first.startswith(b"#!") else []
    windows = first.endswith(b"\r")  # which belongs to the last word, as the kernel reads it
    if words and words[0] and (windows or not _exists(words[0])):
        ends = "; its lines end with \\r\\n, not with \\n" if windows else ""
        msg = f"{ref!r}: its interpreter {' '.join(words)!r} is not here{ends}"
        raise AgentError(msg)


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


def _is_file(value: str) -> bool:
    """Say whether an option names a file; a bare word is taken for one only with a suffix."""
    return ("/" in value or Path(value).suffix != "") and _exists(value) and Path(value).is_file()


def _is_folder(value: str) -> bool:
    return "/" in value and _exists(value) and Path(value).is_dir()
