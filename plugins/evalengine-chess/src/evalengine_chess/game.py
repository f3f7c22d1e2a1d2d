"""Chess as a Game: variants and openings.

Observation: {"fen": the position, "start_fen": where the line began, "moves": [UCI texts since start_fen], "variant":
"standard" or "chess960", "colour": "white" or "black", that of the seat that looks}. Seat 0 is White.
Action: int, from | to << 6 | promotion << 12, squares from a1 0, b1 1 to h8 63, promotion 2 knight, 3 bishop, 4 rook,
5 queen; `action_to_str` is its UCI text (e2e4, e7e8q, castling e1g1; king takes rook in chess960).

Draws that FIDE's laws leave to a player's claim are given as engine tournaments give them, without one: when a position
stands for the third time, and when 50 moves of each colour went by without a capture or a pawn's move (a mate on the
last of them counts). Fivefold repetition and 75 moves can therefore not come up. With too little material on the board
to mate by any play the match is a draw too.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import chess

from evalengine import ConfigError, Game, GameError
from evalengine_chess.position import Position, action_from, text_of
from evalengine_chess.suites import Suite

if TYPE_CHECKING:
    import random

    from evalengine import GameSpec

_FIRST_POSITIONS = 960
_PROMOTIONS = (0, chess.KNIGHT, chess.BISHOP, chess.ROOK, chess.QUEEN)


class Chess(Game):
    """The rules in one configuration."""

    def __init__(self, variant: str, openings: str, plies: int, max_turns: int) -> None:
        self._chess960 = variant == "chess960"
        self._suite = Suite(openings, chess960=self._chess960, plies=plies) if openings else None
        self._max_turns = max_turns

    def adapt(self, spec: GameSpec) -> GameSpec:
        spec = dataclasses.replace(spec, max_turns=self._max_turns)
        if self._suite is not None:
            # What is in the file is part of what is played: resuming and replaying refuse another version.
            version = f"{spec.version}+{self._suite.digest}"
            return dataclasses.replace(spec, version=version, chance=True, opening_turns=0)
        return dataclasses.replace(spec, chance=True, opening_turns=0) if self._chess960 else spec

    def initial(self, seats: int, rng: random.Random) -> Position:
        if self._suite is not None:
            try:
                return self._suite.position(rng.randrange(len(self._suite)))
            except ConfigError as error:  # one of those that were not checked at the start
                raise GameError(str(error)) from error
        if self._chess960:
            return Position(chess.Board.from_chess960_pos(rng.randrange(_FIRST_POSITIONS)))
        return Position(chess.Board())

    def action_to_str(self, action: int) -> str:
        known = type(action) is int and action >= 0 and action >> 12 in _PROMOTIONS
        return text_of(action) if known else str(action)

    def action_from_str(self, text: str) -> int | None:
        return action_from(text)
