"""A position of chess as a State. Rules are those of the library `chess`; what it does not keep is kept here."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import chess

from evalengine import State

if TYPE_CHECKING:
    import random
    from collections.abc import Hashable, Mapping, Sequence

_GAP = re.compile("1+")
_NOBODY: tuple[int, ...] = ()
_BLACK_MOVES, _WHITE_MOVES = (1,), (0,)
_FIFTY_MOVES = 100  # of both colours together
_THREE_TIMES = 3
_PROMOTING = 1 << 12  # actions from here on
_COLOURS = ("white", "black")  # by seat
_PROMOTED = ("", "", "n", "b", "r", "q")
_SQUARES = {name: square for square, name in enumerate(chess.SQUARE_NAMES)}


def action_of(move: chess.Move) -> int:
    """Return a move as an action."""
    return move.from_square | move.to_square << 6 | (move.promotion or 0) << 12


def move_of(action: int) -> chess.Move:
    """Return the move that an action stands for."""
    return chess.Move(action & 63, action >> 6 & 63, action >> 12 or None)


def text_of(action: int) -> str:
    """Return an action as UCI writes it."""
    return chess.SQUARE_NAMES[action & 63] + chess.SQUARE_NAMES[action >> 6 & 63] + _PROMOTED[action >> 12]


def action_from(text: str) -> int | None:
    """Return the action that UCI writes as `text`, possible or not; None when it is none."""
    source, target, promoted = _SQUARES.get(text[:2]), _SQUARES.get(text[2:4]), text[4:]
    if source is None or target is None or promoted not in _PROMOTED:
        return None
    return source | target << 6 | _PROMOTED.index(promoted) << 12


@functools.lru_cache(1 << 14)
def _rank(pieces: tuple[int, ...]) -> str:
    """Return a rank as a FEN writes it.

    Args:
        pieces: its squares of each type, of White and of all as bits, the file a the lowest.
    """
    *by_type, white, occupied = pieces
    letters = ["1"] * 8
    for file in range(8):
        bit = 1 << file
        if occupied & bit:
            letter = next(symbol for symbol, squares in zip("pnbrqk", by_type, strict=True) if squares & bit)
            letters[file] = letter.upper() if white & bit else letter
    return _GAP.sub(lambda gap: str(len(gap[0])), "".join(letters))


def fen_of(board: chess.Board) -> str:
    """Return what `board.fen()` does, in a quarter of the time: each turn changes few ranks."""
    masks = (board.pawns, board.knights, board.bishops, board.rooks, board.queens, board.kings,
             board.occupied_co[chess.WHITE], board.occupied)  # fmt: skip
    placement = "/".join(map(_rank, zip(*[mask.to_bytes(8, "big") for mask in masks], strict=True)))
    beside = "-"
    if board.ep_square is not None and board.has_legal_en_passant():
        beside = chess.SQUARE_NAMES[board.ep_square]
    turn = "w" if board.turn else "b"
    castling = board.castling_xfen() if board.castling_rights else "-"
    return f"{placement} {turn} {castling} {beside} {board.halfmove_clock} {board.fullmove_number}"


class Position(State):
    """A position with the moves that led to it; changes itself.

    Attributes:
        board: the library's; start_fen, moves: where the line began, and its moves since as UCI texts;
        ending: why it is over, "" while it is not.
    """

    __slots__ = (
        "_fen",
        "_legal",
        "_loose",
        "_movers",
        "_open",
        "_seen",
        "_times",
        "_winner",
        "board",
        "ending",
        "moves",
        "start_fen",
    )

    def __init__(self, board: chess.Board, moves: Sequence[str] = ()) -> None:
        """Begin at `board`, which this state then owns, and play `moves`."""
        self.board = board
        self.start_fen = board.fen()
        self.moves: list[str] = []
        self._seen: dict[Hashable, int] = {}  # how often, since the last move that cannot be taken back
        self._note_position()
        for text in moves:
            self._push(chess.Move.from_uci(text))
            self.moves.append(text)
        self._look()

    def _push(self, move: chess.Move) -> None:
        board = self.board
        board.push(move)
        if not board.halfmove_clock:
            self._seen.clear()
        self._note_position()

    def _note_position(self) -> None:
        board = self.board
        white, black = board.occupied_co[chess.WHITE], board.occupied_co[chess.BLACK]
        # Not Board.is_repetition(): that takes all moves back since the last capture, each turn anew.
        # A square for en passant counts only where somebody can capture there (FIDE's laws, 9.2.3).
        beside = board.ep_square if board.ep_square is not None and board.has_legal_en_passant() else None
        key = (board.pawns, board.knights, board.bishops, board.rooks, board.queens, board.kings, white, black,
               board.turn, board.clean_castling_rights(), beside)  # fmt: skip
        self._times = self._seen[key] = self._seen.get(key, 0) + 1
        self._fen: str | None = None
        self._legal: tuple[int, ...] | None = None
        self._open: int | None = None  # the last action that was found possible
        self._loose: chess.Bitboard  # pieces of whoever moves that can neither be pinned nor have to end a check

    def _look(self) -> None:
        """Find whether it is over, and who moves; what is possible is listed for those who ask only: few engines do."""
        board = self.board
        own, king = board.occupied_co[board.turn], board.king(board.turn)
        if king is None or board.attackers_mask(not board.turn, king):
            self._loose = chess.BB_EMPTY
        else:
            self._loose = own & ~(chess.BB_SQUARES[king] | chess.BB_RANK_ATTACKS[king][0]
                                  | chess.BB_FILE_ATTACKS[king][0] | chess.BB_DIAG_ATTACKS[king][0])  # fmt: skip
        self._winner: int | None = None
        self.ending = self._ending()
        if self.ending:
            self._movers, self._legal = _NOBODY, ()
        else:
            self._movers = _WHITE_MOVES if board.turn else _BLACK_MOVES

    def _ending(self) -> str:
        board = self.board
        if not self._moves():
            if not board.is_check():
                return "stalemate"
            self._winner = 1 if board.turn else 0
            return "checkmate"
        if board.halfmove_clock >= _FIFTY_MOVES:
            return "fifty moves"
        if self._times >= _THREE_TIMES:
            return "threefold repetition"
        return "insufficient material" if board.is_insufficient_material() else ""

    def _moves(self) -> bool:
        """Say whether anything is possible: mostly a pawn that may step."""
        board = self.board
        pawns = board.pawns & self._loose
        if (pawns << 8 if board.turn else pawns >> 8) & ~board.occupied:
            return True
        return next(board.generate_legal_moves(), None) is not None

    def to_move(self) -> Sequence[int]:
        return self._movers

    def legal(self, seat: int) -> Sequence[int]:
        if self._legal is None:
            # Sorted: what is drawn from it must not depend on the version of the library.
            self._legal = tuple(sorted([action_of(move) for move in self.board.generate_legal_moves()]))
        return self._legal

    def refuse(self, seat: int, action: Any) -> str | None:
        """Say of one action what the list says of all, in a tenth of the time."""
        if type(action) is not int or action < 0 or self._legal is not None:
            return super().refuse(seat, action)
        if action == self._open:
            return None
        if not self._may(action):
            return "not a legal action"
        self._open = action
        return None

    def _may(self, action: int) -> bool:
        board = self.board
        source = chess.BB_SQUARES[action & 63]
        if self._loose & ~board.pawns & source:
            targets = board.attacks_mask(action & 63) & ~board.occupied_co[board.turn]
            return action < _PROMOTING and bool(targets & chess.BB_SQUARES[action >> 6])
        return any(action_of(move) == action for move in board.generate_legal_moves(source))

    def apply(self, actions: Mapping[int, int], rng: random.Random) -> Position:
        ((_, action),) = actions.items()
        self._push(move_of(action))
        self.moves.append(text_of(action))
        self._look()
        return self

    def scores(self) -> tuple[float, ...]:
        if self._winner is None:
            return (0.0, 0.0)
        return (-1.0, 1.0) if self._winner else (1.0, -1.0)

    def view(self, seat: int) -> dict[str, Any]:
        return {
            "fen": self.fen,
            "start_fen": self.start_fen,
            "moves": self.moves.copy(),
            "variant": "chess960" if self.board.chess960 else "standard",
            "colour": _COLOURS[seat],
        }

    def entry(self, seat: int, name: str) -> Any:
        """Return an entry of the view: engines go by the moves, and a FEN for each turn would be a waste."""
        if name == "moves":
            return self.moves
        if name == "start_fen":
            return self.start_fen
        if name == "variant":
            return "chess960" if self.board.chess960 else "standard"
        return self.view(seat)[name]

    @property
    def fen(self) -> str:
        """The position as FEN; written once, when it is first asked for."""
        if self._fen is None:
            self._fen = fen_of(self.board)
        return self._fen

    def clone(self) -> Position:
        other = object.__new__(type(self))
        other.board = self.board.copy(stack=False)
        other.start_fen, other.ending = self.start_fen, self.ending
        other.moves, other._seen = self.moves.copy(), self._seen.copy()
        other._fen, other._times, other._winner = self._fen, self._times, self._winner
        other._legal, other._open, other._loose, other._movers = self._legal, self._open, self._loose, self._movers
        return other

    def render(self, seat: int | None = None) -> str:
        """Return the board as seen by a seat, or by White, and who is to move or how it ended."""
        files, ranks = range(8), range(7, -1, -1)
        if seat == 1:
            files, ranks = range(7, -1, -1), range(8)
        rows = [f"{rank + 1} {' '.join(self._symbol(file, rank) for file in files)}" for rank in ranks]
        names = " ".join(chess.FILE_NAMES[file] for file in files)
        return "\n".join([*rows, f"  {names}", self.ending or f"{_COLOURS[self._movers[0]]} to move"])

    def _symbol(self, file: int, rank: int) -> str:
        piece = self.board.piece_at(chess.square(file, rank))
        return piece.symbol() if piece else "."

    def svg(self, seat: int | None = None) -> str:
        import chess.svg

        board = self.board
        drawn = chess.svg.board(
            board,
            orientation=seat != 1,
            lastmove=chess.Move.from_uci(self.moves[-1]) if self.moves else None,
            check=board.king(board.turn) if board.is_check() else None,
        )
        # As in the bundled games: what a screen reader says of it is the position as text.
        head, rest = drawn.split(">", 1)
        return f'{head} role="img"><title>{self.render(seat)}</title>{rest}'

    def touches(self, seat: int, action: int) -> list[tuple[float, float, float, float]]:
        return [_square(square, seat) for square in (action & 63, action >> 6 & 63)]


_EDGE, _SIDE = 15, 45  # of the library's drawing: its margin, and a square


def _square(square: int, seat: int) -> tuple[float, float, float, float]:
    """Return where a square is on the drawing, which seat 1 sees from the other end."""
    file, rank = chess.square_file(square), chess.square_rank(square)
    column, row = (7 - file, rank) if seat == 1 else (file, 7 - rank)
    return _EDGE + column * _SIDE, _EDGE + row * _SIDE, _SIDE, _SIDE
