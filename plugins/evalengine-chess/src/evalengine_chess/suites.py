"""Suites of openings: files of EPD or FEN lines, or of PGN games.

A line of a text file holds one position: a FEN of six fields, or the four fields of an EPD, whatever comes after them
(operations; of those hmvc and fmvn are read). Empty lines and lines that begin with # or ; are passed over.

A `.pgn` file holds games; an opening is the first position of one with the moves of its main line.
"""

from __future__ import annotations

import io
import re
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import chess
import chess.pgn

from evalengine import ConfigError
from evalengine_chess.position import Position

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGEST = 256 << 20  # bytes
BUNDLED = Path(__file__).with_name("openings")
_CHECKED = 1000  # a file of a million lines is not read through by every worker before its first match
_QUOTED = re.compile(r'"[^"]*"')
_FIELDS = 4  # of an EPD: board, colour to move, castling, en passant
_FULL = 6  # of a FEN: these, half moves since the last capture or pawn's move, number of the move


class Opening(NamedTuple):
    """Where a match begins."""

    start_fen: str
    moves: tuple[str, ...]  # as UCI texts


class Suite:
    """Openings of a file, each read when it is asked for; the first 1000 are checked at once.

    Attributes:
        digest: of all that is read of the file, and of how it is read.
    """

    def __init__(self, name: str, *, chess960: bool, plies: int) -> None:
        """Open the bundled suite `name`, or the file at this path, seen from the working directory.

        Raises:
            ConfigError: it cannot be read, holds nothing, or holds something else; the text names file and line.
        """
        self._path = _path_of(name)
        self._name = name
        self._chess960 = chess960
        self._plies = plies
        self._is_pgn = self._path.suffix.lower() == ".pgn"
        text = _text_of(name, self._path)
        self._entries = list(_games(text) if self._is_pgn else _lines(text))
        if not self._entries:
            kind = "game" if self._is_pgn else "position"
            msg = f"openings file {name!r} holds no {kind}"
            raise ConfigError(msg)
        whole = repr((self._is_pgn, plies, [entry for _, entry in self._entries]))
        self.digest = blake2b(whole.encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()
        for number in range(min(_CHECKED, len(self._entries))):
            self.position(number)

    def __len__(self) -> int:
        return len(self._entries)

    def position(self, number: int) -> Position:
        """Return where opening `number` leads.

        Raises:
            ConfigError: it is none; the text names file and line.
        """
        line, text = self._entries[number]
        try:
            opening = self._game(text) if self._is_pgn else Opening(_fen_of(text), ())
            found = self._played(opening)
        except ValueError as error:
            msg = f"openings file {self._name}:{line}: {error}"
            raise ConfigError(msg) from error
        return found

    def _played(self, opening: Opening) -> Position:
        board = chess.Board(opening.start_fen, chess960=self._chess960)
        if status := board.status():
            wrong = ", ".join(str(flag.name).lower().replace("_", " ") for flag in chess.Status if flag & status)
            msg = f"no position of chess{'960' * self._chess960}: {wrong}"
            raise ValueError(msg)
        found = Position(board, opening.moves)
        if found.ending:
            msg = f"the match would be over before it begins: {found.ending}"
            raise ValueError(msg)
        return found

    def _game(self, text: str) -> Opening:
        game = chess.pgn.read_game(io.StringIO(text))
        if game is None or game.errors:
            msg = str(game.errors[0]) if game is not None else "no game"
            raise ValueError(msg)
        board = game.board()
        if type(board) is not chess.Board or (board.chess960 and not self._chess960):
            msg = f"a game of another variant: {game.headers.get('Variant', 'chess960')}"
            raise ValueError(msg)
        board.chess960 = self._chess960
        start_fen = board.fen()
        moves: list[str] = []
        for move in game.mainline_moves():
            if self._plies and len(moves) == self._plies:
                break
            moves.append(board.uci(move))
            board.push(move)
        if not moves and "FEN" not in game.headers:
            msg = "a game without moves and without a FEN"
            raise ValueError(msg)
        return Opening(start_fen, tuple(moves))


def _path_of(name: str) -> Path:
    bundled = BUNDLED / f"{name}.pgn"
    return bundled if name.isidentifier() and bundled.is_file() else Path(name)


def _text_of(name: str, path: Path) -> str:
    if path.exists() and not path.is_dir() and (not path.is_file() or path.stat().st_size > _LARGEST):
        msg = f"openings file {name!r} is no file of at most {_LARGEST >> 20} MiB: take a smaller suite"
        raise ConfigError(msg)
    try:
        # Names of players in old files are not always UTF-8, and nobody reads them here.
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        known = ", ".join(sorted(file.stem for file in BUNDLED.glob("*.pgn")))
        msg = (
            f"openings file {name!r} cannot be read ({error.strerror or error}, as {str(path.absolute())!r}): "
            f"give a path as seen from this folder, or a bundled suite ({known})"
        )
        raise ConfigError(msg) from error
    if "\0" in text:
        msg = f"openings file {name!r} is no text: EPD, FEN or PGN is needed"
        raise ConfigError(msg)
    return text


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, line) of those that should hold a position."""
    for number, line in enumerate(text.splitlines(), 1):
        told = line.strip()
        if told and told[0] not in "#;":
            yield number, told


def _games(text: str) -> Iterator[tuple[int, str]]:
    """Yield (number of its first line, text) of each game."""
    handle = io.StringIO(text)
    line = 1
    while True:
        began = handle.tell()
        if not chess.pgn.skip_game(handle):
            return
        whole = text[began : handle.tell()]
        yield line + len(whole[: len(whole) - len(whole.lstrip())].splitlines()), whole.strip()
        line += whole.count("\n")


def _fen_of(line: str) -> str:
    """Return the position on a line as a FEN of six fields."""
    fields = line.split()
    if len(fields) < _FIELDS:
        msg = f"{line[:60]!r} is no FEN and no EPD: board, colour to move, castling and en passant are needed"
        raise ValueError(msg)
    counters = fields[_FIELDS:_FULL]
    if len(counters) == _FULL - _FIELDS and all(field.rstrip(";").isdecimal() for field in counters):
        return " ".join([*fields[:_FIELDS], *(field.rstrip(";") for field in counters)])
    operations = _QUOTED.sub("", " ".join(fields[_FIELDS:]))
    half, move = (_operand(operations, name) for name in ("hmvc", "fmvn"))
    return f"{' '.join(fields[:_FIELDS]).rstrip(';')} {half or '0'} {move or '1'}"


def _operand(operations: str, name: str) -> str:
    found = re.search(rf"\b{name}\s+(\d+)", operations)
    return found[1] if found else ""
