"""What every game must hold, held by chess."""

from evalengine_chess.specs import CHESS

from evalengine.testing import GameContract


class TestChess(GameContract):
    game = CHESS


class TestChess960(GameContract):
    game = CHESS
    config = {"variant": "chess960"}  # noqa: RUF012 - it is only read
