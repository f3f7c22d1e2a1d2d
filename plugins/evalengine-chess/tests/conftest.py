from __future__ import annotations

import io
import os
import random
import subprocess
import sys

import chess.pgn
import pytest

from evalengine import Match, MatchSpec, load_game

LIMIT_S = 120.0  # for what should take seconds: the machine may be busy


@pytest.fixture(scope="session")
def load():
    return lambda **config: load_game("chess", **config)


@pytest.fixture(scope="session")
def begun():
    """Return a function that begins a match of a game."""
    return lambda game, seed=0: Match(MatchSpec(0, 0, 0, seed, (0, 1)), game)


@pytest.fixture(scope="session")
def random_match(begun):
    """Return a function that plays a random match."""

    def play(game, seed=0):
        match, rng = begun(game, seed), random.Random(seed)
        while not match.over:
            (request,) = match.requests()
            match.answer(request.seat, rng.choice(request.legal))
        return match

    return play


@pytest.fixture
def command(tmp_path):
    """Return a function that runs `evalengine ARGUMENTS` in a folder of its own and returns what it says."""

    def run(*arguments, code=0, folder=tmp_path):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("EVALENGINE_")}
        done = subprocess.run(
            [sys.executable, "-m", "evalengine", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture(scope="session")
def games_of():
    """Return a function that reads all games of a PGN text with the library, and refuses what it would mend."""

    def read(text):
        handle, games = io.StringIO(text), []
        while (game := chess.pgn.read_game(handle)) is not None:
            assert not game.errors
            games.append(game)
        return games

    return read
