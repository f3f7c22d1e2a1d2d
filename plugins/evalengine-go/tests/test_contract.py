"""What every game must hold, held by Go."""

from evalengine_go import evalengine_games

from evalengine.testing import GameContract


class TestGo(GameContract):
    (game,) = evalengine_games()


class TestSituational(GameContract):
    (game,) = evalengine_games()
    config = {"size": 5, "superko": "situational"}  # noqa: RUF012 - it is only read
