"""What a plugin implements to export stored runs in a format of its own, and what it is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from evalengine.exports.tables import Table
    from evalengine.replays import StoredMatch


class Selection(Protocol):
    """What a person chose of a database, as an exporter reads it: always one moment of the file.

    Attributes:
        db: the file; hook: pluggy's caller, to ask other plugins; anonymous: names are hidden, and whatever could tell
        them is left out already; tables: those to export, by name; splits: the parts of training data, none usually.
    """

    db: Path
    hook: Any
    anonymous: bool
    tables: Mapping[str, Table]
    splits: Sequence[str]

    def rows(self, table: str) -> Iterator[tuple[str, Sequence[Any]]]:
        """Yield (split, values by column) of a table, also of one that is not in `tables`; split "" without splits.

        Cells of the kind "value" hold None, numbers, texts, lists and mappings.
        """

    def matches(self) -> Iterator[StoredMatch]:
        """Yield the matches with their turns, one at a time.

        Raises:
            StoreError: a game is not installed, or not what it was.
        """

    def report(self, files: Files, *, frames: int = 1_000, matches: int = 20_000, raters: Sequence[str] = ()) -> None:
        """Write the pages of `evalengine report` for the one run that is chosen; `files` is a folder.

        Args:
            frames: matches with pictures; matches: those told of one by one; raters: further ones beside the usual.

        Raises:
            UsageError: several runs are chosen, or a part of one, or names are hidden.
        """


class Files(Protocol):
    """Where an exporter writes. What it wrote gets its name when all of it is written, and none of it otherwise."""

    def open(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Open a file for writing: in a folder the one of this name, else the only one."""

    @property
    def folder(self) -> bool:
        """Whether there may be several files."""


class Exporter(ABC):
    """Writes what was chosen of stored runs to files, a match or a row at a time.

    Attributes:
        suffix: of its files; folder: "never" (one file), "maybe" (one table a file, or a folder of tables) or "always";
        tables: of a folder, when a person names none; latest: without --run it takes the latest run, not all.
    """

    suffix: ClassVar[str] = ""
    folder: ClassVar[str] = "never"
    tables: ClassVar[Sequence[str]] = ()
    latest: ClassVar[bool] = False

    @abstractmethod
    def write(self, selection: Selection, files: Files) -> None:
        """Write everything.

        Raises:
            UsageError: what was chosen cannot be written in this format.
        """
