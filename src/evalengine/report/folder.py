"""A folder that appears whole or not at all, and replaces nothing but what was written here before."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from evalengine.errors import StorageError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MANIFEST = "evalengine-report.json"  # which files of the folder are ours


class New:
    """A folder that is being filled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self, name: str) -> BinaryIO:
        """Open a file of this name for writing."""
        path = self._path / name
        path.parent.mkdir(exist_ok=True)
        return path.open("wb")


def manifest(names: Iterable[str]) -> bytes:
    """Return the list of the files of a report, as it lies among them."""
    return json.dumps({"files": sorted(names)}, indent=0).encode()


@contextlib.contextmanager
def replaced(folder: Path) -> Iterator[New]:
    """Yield a new folder beside `folder`, and put it in its place when the body ends well.

    Raises:
        UsageError: there is something that is no report, or a report with somebody's own files;
        StorageError: the disk is full or the folder is read-only.
    """
    folder = folder.resolve()
    check(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=f".{folder.name}.new-", dir=folder.parent))
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        yield New(new)
        new.chmod(0o755)  # a temporary folder hides what is in it
        _put(new, folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def check(folder: Path) -> None:
    """Refuse a folder that must not be replaced.

    Raises:
        UsageError: it is no report, or holds files that are not of the report.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        msg = f"{folder} is a file: name another folder with -o"
        raise UsageError(msg)
    there = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())
    if not there:
        return
    if strange := [name for name in there if name not in _ours(folder)]:
        what = "has files that are not of the report" if MANIFEST in there else "is no report of ours"
        msg = f"{folder} {what} ({strange[0]!r}): it is left as it is; name another folder with -o"
        raise UsageError(msg)


def _ours(folder: Path) -> set[str]:
    """Return the names of the files that an earlier report wrote here."""
    try:
        listed = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        return {MANIFEST, *map(str, listed)}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _put(new: Path, folder: Path) -> None:
    """Rename the new folder to its place; the old one comes back when that fails."""
    if not folder.exists():
        new.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old-", dir=folder.parent))
    folder.rename(old)  # onto an empty folder, which it replaces
    try:
        new.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _unwritable(folder: Path, error: OSError) -> StorageError:
    return StorageError(f"the report in {folder} cannot be written: {error.strerror or error}")
