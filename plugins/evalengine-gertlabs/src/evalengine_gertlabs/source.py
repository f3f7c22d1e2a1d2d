"""Source of agents as clients send it: read from a request, looked at, stored by its digest."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import AgentSpec, RefusedError, submissions
from evalengine_gertlabs import replies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalengine_gertlabs.fields import Fields

LANGUAGES = ("python",)
MOST_BYTES = 512 << 10  # of all files of an agent
MOST_FILES = 100
BODY_BYTES = 16 << 20  # larger code is refused with a reason, not as a body
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_DEEPEST, _LONGEST = 4, 200
_LOOK_S = 20.0


class Checked(NamedTuple):
    """An agent's files that can be one: by name, and which is begun with."""

    files: Mapping[str, str]
    entry: str


def of_body(body: Fields) -> Mapping[str, str] | None:
    """Return the files of a request, by name; None when it brings none.

    Raises:
        RefusedError: they cannot be an agent's; which and why.
    """
    code, files = body.any("code", None), body.any("files", None)
    if code is None and files is None:
        return None
    if code is not None and files is not None:
        msg = "send code or files, not both"
        raise replies.invalid(msg, "files")
    if files is None:
        if not isinstance(code, str) or not code.strip():
            msg = "code must be a text, the source of one module"
            raise replies.invalid(msg, "code")
        files = {"agent.py": code}
    # A mark of the order of bytes is no part of a text; Python takes files with one.
    return sized({name: text.removeprefix("\ufeff") for name, text in _named(files).items()})


def sized(files: Mapping[str, str]) -> Mapping[str, str]:
    """Return files that are not too large together.

    Raises:
        RefusedError: they are.
    """
    size = sum(len(text.encode("utf-8", "replace")) for text in files.values())
    if size > MOST_BYTES:
        msg = f"the source has {size} bytes: {MOST_BYTES} may be"
        raise _failed(msg)
    return files


def _named(files: Any) -> dict[str, str]:
    if isinstance(files, list):
        pairs = [(one.get("path"), one.get("content")) if isinstance(one, dict) else (None, None) for one in files]
    elif isinstance(files, dict):
        pairs = list(files.items())
    else:
        pairs = []
    if not pairs or len(pairs) > MOST_FILES:
        msg = f'files must be {{"agent.py": "..."}} or [{{"path", "content"}}], 1 to {MOST_FILES} of them'
        raise replies.invalid(msg, "files")
    found: dict[str, str] = {}
    for name, text in pairs:
        if not isinstance(name, str) or not isinstance(text, str):
            msg = "files must be texts by name"
            raise replies.invalid(msg, "files")
        if not _is_name(name):
            msg = f"{name[:80]!r} is no name for a file: letters, digits, '_', '.', '-' and folders below, no '..'"
            raise replies.invalid(msg, "files")
        if name.casefold() in {other.casefold() for other in found}:
            msg = f"there are two files {name!r}"
            raise replies.invalid(msg, "files")
        found[name] = text
    folders = {str(parent) for name in found for parent in PurePosixPath(name).parents}
    if both := folders & found.keys():
        msg = f"{min(both)!r} is a file and a folder"
        raise replies.invalid(msg, "files")
    return found


def _is_name(name: str) -> bool:
    parts = name.split("/")
    return len(name) <= _LONGEST and len(parts) <= _DEEPEST and all(_NAME.fullmatch(part) for part in parts)


def checked(files: Mapping[str, str]) -> Checked:
    """Return files that can be an agent; takes a process and a twentieth of a second, so not for the event loop.

    Raises:
        RefusedError: 422, they cannot; with the file and line where there is one.
    """
    command = [sys.executable, "-I", "-S", str(Path(__file__).with_name("source_check.py"))]
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            command, check=False, input=json.dumps(dict(files)).encode(), capture_output=True, timeout=_LOOK_S
        )
    except subprocess.TimeoutExpired:
        msg = "the source takes too long to be read as Python"
        raise _failed(msg) from None
    return _said(files, done.stdout)


def _said(files: Mapping[str, str], output: bytes) -> Checked:
    try:
        found = json.loads(output)
    except ValueError:  # it died of what it read
        msg = "the source cannot be read as Python"
        raise _failed(msg) from None
    if "error" in found:
        where = ":".join(str(part) for part in (found["file"], found["line"]) if part is not None)
        message = f"{where}: {found['error']}" if where else found["error"]
        raise _failed(message, file=found["file"], line=found["line"])
    return Checked(files, found["entry"])


def _failed(message: str, **more: Any) -> RefusedError:
    return RefusedError(422, "VALIDATION_FAILED", message, **more)


def stored(db: Path, name: str, found: Checked) -> AgentSpec:
    """Return the agent of files, copied to where a database's agents are, with their digest as its version.

    Raises:
        AgentError: they cannot be one; StorageError: they cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="evalengine-") as folder:
        for path, text in found.files.items():
            place = Path(folder) / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8", newline="")
        spec = AgentSpec(name=name, kind="python", path=folder, entry=found.entry)
        return submissions.snapshots([spec], agents_folder(db))[0]


def agents_folder(db: Path) -> Path:
    """Return where a database's agents are."""
    return db.with_name(db.stem + ".agents")


def agent(db: Path, name: str, digest: str, entry: str) -> AgentSpec:
    """Return the agent that was stored, as it is given to a run."""
    return AgentSpec(name=name, kind="python", path=str((agents_folder(db) / digest).absolute()), entry=entry)
