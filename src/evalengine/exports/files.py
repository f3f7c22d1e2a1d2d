"""Files that get their name when they are whole: written beside it, then renamed."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from evalengine.errors import StorageError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

STDOUT = "-"


class Target:
    """One file, standard output, or a folder; used through `writing`."""

    def __init__(self, path: Path | None, *, folder: bool) -> None:
        self._path = path
        self._folder = folder
        self._stdout = sys.stdout.buffer  # what is printed meanwhile goes elsewhere

    @property
    def folder(self) -> bool:
        """Whether there may be several files."""
        return self._folder

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Open a file for writing: in a folder the one of this name, else the only one."""
        if self._path is None:
            yield self._stdout
            self._stdout.flush()
            return
        path = self._path / name if self._folder else self._path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            yield file
            file.flush()
            if path.is_file():
                os.fsync(file.fileno())


def is_one(path: str) -> bool:
    """Say whether one stream stands at `path` already: standard output, a file, a device, a pipe."""
    return path == STDOUT or (Path(path).exists() and not Path(path).is_dir())


@contextlib.contextmanager
def writing(path: str, *, folder: bool) -> Iterator[Target]:
    """Give a target; when the body ends well, what it wrote stands at `path`, else nothing new does.

    Raises:
        UsageError: nothing can be written there; StorageError: the disk is full.
    """
    if path == STDOUT:
        with _told(Path("standard output")):
            yield Target(None, folder=False)
        return
    final = Path(path)
    _check(final, folder=folder)
    if final.exists() and not final.is_file() and not final.is_dir():  # a device or a pipe has no other name
        with _told(final):
            yield Target(final, folder=False)
        return
    beside = final.with_name(f".{final.name}.{os.getpid()}.part")
    try:
        _make(beside, final, folder=folder)
        with _told(final):
            yield Target(beside, folder=folder)
            beside.replace(final)
    finally:
        if folder:
            shutil.rmtree(beside, ignore_errors=True)
        else:
            beside.unlink(missing_ok=True)


def check(path: str) -> None:
    """Refuse a file that could not be written, before something long is begun.

    Raises:
        UsageError: it is a folder, or its folder cannot be written.
    """
    if not is_one(path) or Path(path).is_file():
        final = Path(path)
        beside = final.with_name(f".{final.name}.{os.getpid()}.part")
        _check(final, folder=False)
        _make(beside, final, folder=False)
        beside.unlink()


def _check(final: Path, *, folder: bool) -> None:
    if not folder and final.is_dir():
        msg = f"{final} is a folder: name a file"
        raise UsageError(msg)
    if folder and final.exists() and (not final.is_dir() or any(final.iterdir())):
        msg = f"{final} is there already: name a new folder, or remove it first"
        raise UsageError(msg)


def _make(beside: Path, final: Path, *, folder: bool) -> None:
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        if folder:
            beside.mkdir()
        else:
            beside.touch()
    except OSError as error:
        msg = f"{final} cannot be written: {error.strerror}"
        raise UsageError(msg) from error


@contextlib.contextmanager
def _told(final: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        msg = f"{final} cannot be written: {error.strerror or error}. What stood there is unchanged"
        raise StorageError(msg) from error
